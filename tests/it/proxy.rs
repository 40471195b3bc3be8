use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_http_ryze::{Config, UrlCheck};
use wharf_tests::{Answer, TestGateway};

async fn with_instance() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway
}

async fn set(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/instance/proxy/sales", body).await
}

async fn get(gateway: &TestGateway) -> Value {
    gateway.owner().get("/api/instance/getProxy/sales").await.expect(200)
}

fn full() -> Value {
    json!({
        "enabled": true, "host": "proxy.example.com", "port": "1080", "protocol": "socks5",
        "username": "user", "password": "hidden",
    })
}

#[tokio::test]
async fn without_its_own_proxy_everything_is_null() {
    assert_json_snapshot!(get(&with_instance().await).await);
}

#[tokio::test]
async fn what_was_set_is_read_back_without_the_password() {
    let gateway = with_instance().await;
    let answer = set(&gateway, full()).await;
    assert!(!answer.text.contains("hidden"), "{}", answer.text);
    let answer = answer.expect(200);
    assert_json_snapshot!(answer);
    assert_eq!(get(&gateway).await["proxy"], answer["proxy"]);
}

#[tokio::test]
async fn switched_off_it_is_gone() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    let answer = set(&gateway, json!({ "enabled": false, "host": "stays.example.com" })).await;
    assert_json_snapshot!(answer.expect(200));
    assert_eq!(get(&gateway).await["proxy"]["host"], Value::Null);
}

#[tokio::test]
async fn the_next_connection_takes_it() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    gateway.get("/api/instance/connect/sales").await.expect(200);
    let proxy = gateway.whatsapp.requests().remove(0).proxy.expect("a proxy");
    assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example.com", 1080));
}

#[tokio::test]
async fn what_is_not_right_is_named_and_nothing_is_stored() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    let with = |key: &str, value: Value| {
        let mut body = full();
        body[key] = value;
        body
    };
    let host = "Invalid proxy: host must be a host name or an address";
    let port = "Invalid proxy: port must be a number from 1 to 65535";
    let protocol = "Invalid proxy: protocol must be `http`, `https` or `socks5`";
    let credential = |field: &str| {
        format!("Invalid proxy: {field} must have at most 255 bytes and no control characters")
    };
    let (username, password) = (&*credential("username"), &*credential("password"));
    for (body, message) in [
        (json!({}), protocol),
        (with("protocol", json!("gopher")), protocol),
        (with("protocol", json!("")), protocol),
        (with("protocol", Value::Null), protocol),
        (with("host", json!("")), host),
        (with("host", Value::Null), host),
        (with("host", json!("two words")), host),
        (with("host", json!("http://proxy.example.com")), host),
        (with("host", json!("x".repeat(254))), host),
        (with("port", json!("")), port),
        (with("port", json!("0")), port),
        (with("port", json!("65536")), port),
        (with("port", json!("-1")), port),
        (with("port", json!("http")), port),
        (with("port", Value::Null), port),
        (with("username", json!("x".repeat(256))), username),
        (with("username", json!("a\0b")), username),
        (with("password", json!("x".repeat(256))), password),
        (with("password", json!("a\nb")), password),
        (with("username", Value::Null), "Invalid proxy: username is required with a password"),
        (with("port", json!(1080)), "Invalid request body"),
        (with("enabled", json!("true")), "Invalid request body"),
        (with("host", json!(["a"])), "Invalid request body"),
        (json!([full()]), "Invalid request body"),
    ] {
        let refusal = set(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, message.to_owned()), "{body}");
    }
    assert_eq!(get(&gateway).await["proxy"]["host"], "proxy.example.com");
}

#[tokio::test]
async fn a_proxy_in_a_network_that_is_off_limits_is_refused() {
    let refuses = |url: &str| match url {
        "http://169.254.169.254:1080" | "http://[::1]:1080" => Err("it is link-local".to_owned()),
        _ => Ok(()),
    };
    let config = Config { url_check: UrlCheck::new(refuses), ..Config::default() };
    let gateway = TestGateway::with(config).await;
    gateway.instance("sales").await;
    for host in ["169.254.169.254", "::1", "[::1]"] {
        let mut body = full();
        body["host"] = json!(host);
        let refusal = set(&gateway, body).await.refusal();
        assert_eq!(
            refusal,
            (400, "Invalid proxy: host is off limits: it is link-local".to_owned()),
            "{host}"
        );
    }
    set(&gateway, full()).await.expect(200);
}
