//! Proxies: whoever WhatsApp sees is the proxy, or there is nobody to see.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    ANA, BIA, Options, World, files,
    proxy_servers::{PASSWORD, ProxyServer, TlsFront, USER, free_port, settings},
};

const PROXY: &str = "/api/instance/proxy/sales";

/// Pairs through the proxy, moves text and media both ways, and looks at who came.
async fn everything_goes_through(world: &World, address: &str) {
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    let photo = files::picture(64, 48);
    let media = json!({ "kind": "image", "base64": files::base64(&photo) });
    let came = world.whatsapp.send_media(BIA, ANA, &media).await;
    world.receiver.wait_for("the photo", |r| r.body["data"]["id"] == came).await;
    let path = format!("/api/chat/base64/sales?messageId={came}");
    let (status, answer) = world.gateway.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(files::from_base64(answer["base64"].as_str().unwrap()), photo);
    let body = json!({
        "number": BIA, "mediaType": "image", "mediaUrl": files::base64(&photo), "message": "back"
    });
    let sent = world.gateway.post("/api/message/media/sales", body).await;
    let id = sent["data"]["messageId"].as_str().unwrap();
    world.whatsapp.wait_for_message(BIA, "the photo", |message| message["id"] == id).await;
    assert_eq!(world.whatsapp.media(BIA, id).await, photo);
    let reconnect = "/api/instance/reconnect/sales";
    world.gateway.post(reconnect, json!({})).await;
    world.gateway.wait_for_state("sales", "connected").await;

    let peers = world.whatsapp.peers().await;
    for kind in ["websocket", "media"] {
        assert!(peers.iter().any(|peer| peer.0 == kind), "no {kind} among {peers:?}");
    }
    let strangers: Vec<_> = gateway_peers(&peers).filter(|peer| peer.1 != address).collect();
    assert!(strangers.is_empty(), "around the proxy: {strangers:?}");
}

/// All that may have come from the gateway; the phones live in the simulator and call from nowhere.
fn gateway_peers(peers: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    peers.iter().filter(|peer| peer.0 == "websocket" || peer.0 == "media")
}

async fn through(proxy: &ProxyServer) {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let answer = world.gateway.post(PROXY, proxy.settings()).await;
    assert!(!answer.to_string().contains(PASSWORD), "{answer}");
    everything_goes_through(&world, proxy.address).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy"]
async fn an_http_proxy_is_the_only_way_out() {
    through(&ProxyServer::tinyproxy(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy"]
async fn an_http_proxy_that_asks_for_credentials_gets_them() {
    through(&ProxyServer::tinyproxy(true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy"]
async fn an_https_proxy_is_spoken_to_in_tls() {
    for credentials in [false, true] {
        let proxy = ProxyServer::tinyproxy(credentials).await;
        let front = TlsFront::before(proxy.port).await;
        let world = World::with(Options::default().trust(&front.root_pem)).await;
        world.gateway.create("sales", &world.receiver.url()).await;
        let mut secure = proxy.settings();
        secure["protocol"] = "https".into();
        secure["port"] = front.port.to_string().into();
        world.gateway.post(PROXY, secure).await;
        everything_goes_through(&world, proxy.address).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs microsocks"]
async fn a_socks5_proxy_is_the_only_way_out() {
    through(&ProxyServer::microsocks(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs microsocks"]
async fn a_socks5_proxy_that_asks_for_credentials_gets_them() {
    through(&ProxyServer::microsocks(true).await).await;
}

/// Connects, which fails, and gives the reason; nobody has come to WhatsApp meanwhile.
async fn reason_of_failure(world: &World) -> String {
    world.whatsapp.forget_peers().await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    let peers = world.whatsapp.peers().await;
    assert_eq!(gateway_peers(&peers).count(), 0, "around the proxy: {peers:?}");
    assert!(!answer.to_string().contains(PASSWORD), "{answer}");
    answer["error"]["message"].as_str().unwrap().to_owned()
}

async fn refused_credentials_are_named(proxy: &ProxyServer) {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    for credentials in [(USER, "wrong"), ("", "")] {
        let wrong = settings(proxy.protocol, proxy.port, credentials);
        world.gateway.post(PROXY, wrong).await;
        let reason = reason_of_failure(&world).await;
        let reason = reason.strip_prefix("Failed to connect: ").unwrap();
        assert!(reason.contains("proxy") && reason.contains("credentials"), "{reason}");
    }
    // The right ones heal it.
    world.gateway.post(PROXY, proxy.settings()).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy"]
async fn credentials_an_http_proxy_refuses_are_named() {
    refused_credentials_are_named(&ProxyServer::tinyproxy(true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs microsocks"]
async fn credentials_a_socks5_proxy_refuses_are_named() {
    refused_credentials_are_named(&ProxyServer::microsocks(true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_dead_proxy_nothing_goes_direct() {
    for protocol in ["http", "https", "socks5"] {
        let world = World::new().await;
        world.gateway.create("sales", &world.receiver.url()).await;
        world.gateway.post(PROXY, settings(protocol, free_port(), ("", ""))).await;
        let reason = reason_of_failure(&world).await;
        assert!(reason.contains("proxy"), "{reason}");
        // Without it the way is free again.
        world.gateway.post(PROXY, json!({ "enabled": false })).await;
        world.gateway.pair("sales", &world.whatsapp, ANA).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy"]
async fn when_the_proxy_dies_the_instance_is_down_until_it_is_back() {
    let mut proxy = ProxyServer::tinyproxy(false).await;
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.post(PROXY, proxy.settings()).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    world.whatsapp.forget_peers().await;
    proxy.kill();
    world.receiver.wait_for_state("disconnected").await;
    let (status, answer) = world.gateway.send("sales", BIA, "around it?").await;
    assert!(!status.is_success(), "{answer}");
    let peers = world.whatsapp.peers().await;
    assert_eq!(gateway_peers(&peers).count(), 0, "around the proxy: {peers:?}");
    // Another one, at another port, counts from the next connect on.
    let proxy = ProxyServer::tinyproxy(true).await;
    world.gateway.post(PROXY, proxy.settings()).await;
    world.gateway.post("/api/instance/reconnect/sales", json!({})).await;
    world.gateway.wait_for_state("sales", "connected").await;
    let peers = world.whatsapp.peers().await;
    assert!(gateway_peers(&peers).all(|peer| peer.1 == proxy.address), "{peers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_protocol_is_refused_by_name_and_never_means_no_proxy() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let (status, answer) =
        world.gateway.call(Method::POST, PROXY, settings("ftp", 21, ("", ""))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Invalid proxy: "), "{message}");
    assert!(message.to_lowercase().contains("protocol"), "{message}");

    // Given at creation it does not fail the creation, and nothing goes direct afterwards.
    let body = json!({
        "name": "shop", "proxyEnabled": true, "proxyHost": "127.0.0.1", "proxyPort": "21",
        "proxyProtocol": "ftp", "proxyPassword": PASSWORD
    });
    let (status, answer) = world.gateway.call(Method::POST, "/api/instance/new", body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["instance"]["proxy"]["enabled"], false);
    let (status, answer) = world.gateway.get("/api/instance/connect/shop").await;
    assert!(!status.is_success(), "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("the proxy given at creation cannot be used"), "{message}");
    assert_eq!(gateway_peers(&world.whatsapp.peers().await).count(), 0);
    world.gateway.post("/api/instance/proxy/shop", json!({ "enabled": false })).await;
    world.gateway.pair("shop", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy and microsocks"]
async fn the_deployments_own_proxy_is_used_and_never_shown() {
    let common = ProxyServer::tinyproxy(true).await;
    let world = World::with(Options::default().set("WHARF_PROXY_URL", common.url())).await;
    world.gateway.create("sales", &world.receiver.url()).await;
    everything_goes_through(&world, common.address).await;
    let (_, shown) = world.gateway.get("/api/instance/getProxy/sales").await;
    let expected = json!({
        "enabled": false, "host": null, "port": null, "protocol": null, "username": null
    });
    assert_eq!(shown["proxy"], expected);
    let (_, list) = world.gateway.get("/api/instance/list").await;
    let port = common.port.to_string();
    for secret in [PASSWORD, USER, &port] {
        assert!(!list["instances"][0]["proxy"].to_string().contains(secret), "{list}");
        assert_eq!(list["instances"][0]["proxy"]["host"], Value::Null);
    }
    for secret in [PASSWORD, &common.url()] {
        assert!(!world.gateway.log().contains(secret));
    }

    // An instance's own goes first.
    let own = ProxyServer::microsocks(true).await;
    world.gateway.post(PROXY, own.settings()).await;
    world.whatsapp.forget_peers().await;
    world.gateway.post("/api/instance/reconnect/sales", json!({})).await;
    world.gateway.wait_for_state("sales", "connected").await;
    let (status, answer) = world.gateway.send("sales", BIA, "by the other way").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let peers = world.whatsapp.peers().await;
    assert!(gateway_peers(&peers).count() > 0);
    assert!(gateway_peers(&peers).all(|peer| peer.1 == own.address), "{peers:?}");
}
