use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wharf_net::{
    AddressKind, Client, Dialer, Egress, Error, Net, Proxy, ProxyFailure, ProxyProtocol, Refused,
    Roots, Tls,
};

use crate::authority::Authority;
use crate::clients::{PATIENT, get_url, net};
use crate::dialer::{LIMIT, converse, open};
use crate::names::Names;
use crate::proxies::{self, NAME, PASSWORD, USERNAME};
use crate::servers::{closed_port, echo, listener, serve_tls};

const PROTOCOLS: [ProxyProtocol; 3] =
    [ProxyProtocol::Http, ProxyProtocol::Https, ProxyProtocol::Socks5];

struct Scene {
    authority: Authority,
    names: std::sync::Arc<Names>,
    proxy: Proxy,
    asked: proxies::Asked,
}

impl Scene {
    async fn with(protocol: ProxyProtocol) -> Self {
        let authority = Authority::new();
        let (port, asked) = match protocol {
            ProxyProtocol::Http => proxies::http(None).await,
            ProxyProtocol::Https => proxies::http(Some(authority.acceptor("proxy.test"))).await,
            ProxyProtocol::Socks5 => proxies::socks5().await,
        };
        let proxy = Proxy::new(protocol, "proxy.test", port).unwrap();
        Self { authority, names: Names::knowing("proxy.test", &["127.0.0.1"]), proxy, asked }
    }

    fn net(&self) -> Net {
        Net::new(self.authority.trusted(), Egress::Open).with_resolver(self.names.clone())
    }

    fn proxy_with_credentials(&self) -> Proxy {
        self.proxy.clone().with_credentials(USERNAME, PASSWORD).unwrap()
    }

    fn client(&self, proxy: &Proxy) -> Client {
        self.net().trusted_client(PATIENT, Some(proxy)).unwrap()
    }

    fn dialer(&self, proxy: Proxy) -> Dialer {
        self.net().dialer(Some(proxy), LIMIT)
    }
}

#[tokio::test]
async fn requests_and_websockets_go_through_and_names_are_resolved_there() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        let app = echo().route("/", get(async || "through"));
        let port = serve_tls(app, scene.authority.acceptor(NAME)).await;
        let proxy = scene.proxy_with_credentials();

        let url = format!("https://{NAME}:{port}/");
        let answer = scene.client(&proxy).send(get_url(&url)).await.unwrap();
        assert_eq!(answer.bytes(100).await.unwrap(), "through");

        let url = format!("wss://{NAME}:{port}/ws/chat");
        converse(open(&scene.dialer(proxy), &url).await.unwrap()).await;

        let target = format!("{NAME}:{port}");
        assert_eq!(*scene.asked.lock().unwrap(), [target.clone(), target], "{protocol}");
        assert_eq!(scene.names.asked(), ["proxy.test", "proxy.test"], "{protocol}");
    }
}

/// The same failure for a request and for a WebSocket.
async fn both_fail(scene: &Scene, proxy: Proxy) -> ProxyFailure {
    let request = get_url(&format!("https://{NAME}/?key=opensesame"));
    let of_client = scene.client(&proxy).send(request).await.unwrap_err();
    let url = format!("wss://{NAME}/?key=opensesame");
    let of_dialer = open(&scene.dialer(proxy), &url).await.unwrap_err();
    for failure in [&of_client, &of_dialer] {
        let told = format!("{failure} {failure:?}");
        assert!(!told.contains("opensesame") && !told.contains("hunter2"), "{told}");
    }
    match (of_client, of_dialer) {
        (Error::Proxy(one), Error::Proxy(other)) if one == other => one,
        different => panic!("{different:?}"),
    }
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_named() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        let wrong = scene.proxy.clone().with_credentials(USERNAME, "hunter2").unwrap();
        assert_eq!(both_fail(&scene, wrong).await, ProxyFailure::Credentials, "{protocol}");
        let none = scene.proxy.clone();
        assert_eq!(both_fail(&scene, none).await, ProxyFailure::Credentials, "{protocol}");
    }
}

/// As tinyproxy and others refuse credentials.
#[tokio::test]
async fn a_proxy_that_answers_401_refuses_the_credentials() {
    let refusing = listener().await;
    let proxy = Proxy::new(ProxyProtocol::Http, "127.0.0.1", refusing.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = refusing.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\n\r\n").await.unwrap();
        }
    });
    let scene = Scene::with(ProxyProtocol::Http).await;
    let failure = both_fail(&scene, proxy.unwrap()).await;
    assert_eq!(failure, ProxyFailure::Credentials);
    assert_eq!(failure.to_string(), "the proxy refused the credentials");
}

#[tokio::test]
async fn a_proxy_that_cannot_connect_says_so() {
    for (protocol, reason) in PROTOCOLS.into_iter().zip(["status 502", "status 502", "refused"]) {
        let scene = Scene::with(protocol).await;
        let proxy = scene.proxy_with_credentials();
        let port = closed_port().await;
        let says = |failure: &Error| match failure {
            Error::Proxy(ProxyFailure::NoConnection(told)) => told.contains(reason),
            _ => false,
        };

        let url = format!("https://{NAME}:{port}/");
        let failure = scene.client(&proxy).send(get_url(&url)).await.unwrap_err();
        assert!(says(&failure), "{protocol}: {failure:?}");

        let url = format!("wss://{NAME}:{port}/");
        let failure = open(&scene.dialer(proxy), &url).await.unwrap_err();
        assert!(says(&failure), "{protocol}: {failure:?}");
    }
}

#[tokio::test]
async fn with_a_dead_proxy_nothing_goes_around_it() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        let reachable = listener().await;
        let address = reachable.local_addr().unwrap();
        let dead = Proxy::new(protocol, "proxy.test", closed_port().await).unwrap();

        let refused = ProxyFailure::Unreachable(std::io::ErrorKind::ConnectionRefused);
        let url = format!("http://{address}/");
        let failure = scene.client(&dead).send(get_url(&url)).await.unwrap_err();
        assert_eq!(failure, Error::Proxy(refused.clone()), "{protocol}");

        let failure = open(&scene.dialer(dead), &format!("ws://{address}/")).await.unwrap_err();
        assert_eq!(failure, Error::Proxy(refused), "{protocol}");

        // A connection around the proxy would be waiting here, and this one would come second.
        let marker = tokio::net::TcpStream::connect(address).await.unwrap();
        let (_, first) = reachable.accept().await.unwrap();
        assert_eq!(first, marker.local_addr().unwrap(), "{protocol}");
    }
}

#[tokio::test]
async fn a_proxy_whose_name_does_not_resolve_is_named() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        let nowhere = Proxy::new(protocol, "nowhere.test", 1080).unwrap();
        assert_eq!(both_fail(&scene, nowhere).await, ProxyFailure::Unresolved, "{protocol}");
    }
}

#[tokio::test]
async fn something_else_at_the_port_is_no_proxy() {
    for protocol in [ProxyProtocol::Http, ProxyProtocol::Socks5] {
        let scene = Scene::with(protocol).await;
        let other = listener().await;
        let port = other.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = other.accept().await.unwrap();
                stream.write_all(b"220 mail.test ESMTP\r\n\r\n").await.unwrap();
                // Keeps the connection until the client has read it and hangs up.
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
            }
        });
        let proxy = Proxy::new(protocol, "127.0.0.1", port).unwrap();
        let failure = open(&scene.dialer(proxy), "wss://behind.test/").await.unwrap_err();
        assert_eq!(failure, Error::Proxy(ProxyFailure::Protocol(protocol)));
    }
}

#[tokio::test]
async fn the_address_of_a_proxy_is_judged() {
    let proxy = Proxy::new(ProxyProtocol::Http, "169.254.169.254", 80).unwrap();
    let refused = ProxyFailure::NotAllowed(Refused::Address(AddressKind::LinkLocal));
    let refusal = net().trusted_client(PATIENT, Some(&proxy)).unwrap_err();
    assert_eq!(refusal, Error::Proxy(refused.clone()));
    let refusal = open(&net().dialer(Some(proxy), LIMIT), "ws://x.test/").await.unwrap_err();
    assert_eq!(refusal, Error::Proxy(refused.clone()));

    let net = Net::new(Tls::new(Roots::web()), Egress::Open)
        .with_resolver(Names::knowing("metadata.test", &["169.254.169.254"]));
    let proxy = Proxy::new(ProxyProtocol::Http, "metadata.test", 80).unwrap();
    let client = net.trusted_client(PATIENT, Some(&proxy)).unwrap();
    let refusal = client.send(get_url("https://x.test/")).await.unwrap_err();
    assert_eq!(refusal, Error::Proxy(refused.clone()));
    let refusal = open(&net.dialer(Some(proxy), LIMIT), "ws://x.test/").await.unwrap_err();
    assert_eq!(refusal, Error::Proxy(refused));
}

#[tokio::test]
async fn a_proxy_that_the_operator_chose_is_not_judged() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        let app = echo().route("/", get(async || "through"));
        let port = serve_tls(app, scene.authority.acceptor(NAME)).await;
        let (url, wss) =
            (format!("https://{NAME}:{port}/"), format!("wss://{NAME}:{port}/ws/chat"));
        let strict = Net::new(scene.authority.trusted(), Egress::PublicOnly)
            .with_resolver(scene.names.clone());

        let loopback = ProxyFailure::NotAllowed(Refused::Address(AddressKind::Loopback));
        let chosen_by_a_user = scene.proxy_with_credentials();
        let client = strict.trusted_client(PATIENT, Some(&chosen_by_a_user)).unwrap();
        let refusal = client.send(get_url(&url)).await.unwrap_err();
        assert_eq!(refusal, Error::Proxy(loopback.clone()), "{protocol}");
        let refusal = open(&strict.dialer(Some(chosen_by_a_user.clone()), LIMIT), &wss).await;
        assert_eq!(refusal.unwrap_err(), Error::Proxy(loopback), "{protocol}");

        let chosen = chosen_by_a_user.trusted();
        let client = strict.trusted_client(PATIENT, Some(&chosen)).unwrap();
        let answer = client.send(get_url(&url)).await.unwrap();
        assert_eq!(answer.bytes(100).await.unwrap(), "through", "{protocol}");
        converse(open(&strict.dialer(Some(chosen), LIMIT), &wss).await.unwrap()).await;
    }
    let literal = Proxy::new(ProxyProtocol::Http, "169.254.169.254", 80).unwrap().trusted();
    assert!(net().trusted_client(PATIENT, Some(&literal)).is_ok());
}

#[tokio::test]
async fn an_untrusted_proxy_certificate_is_refused() {
    let scene = Scene::with(ProxyProtocol::Https).await;
    let stranger = net().with_resolver(scene.names.clone());
    let dialer = stranger.dialer(Some(scene.proxy_with_credentials()), LIMIT);
    let failure = open(&dialer, "wss://behind.test/").await.unwrap_err();
    assert!(matches!(failure, Error::Proxy(ProxyFailure::Tls(_))), "{failure:?}");

    let client = stranger.trusted_client(PATIENT, Some(&scene.proxy_with_credentials())).unwrap();
    let failure = client.send(get_url("https://behind.test/")).await.unwrap_err();
    assert!(matches!(failure, Error::Proxy(ProxyFailure::Tls(_))), "{failure:?}");
    assert!(scene.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_untrusted_certificate_behind_a_proxy_is_not_the_proxys_fault() {
    for protocol in PROTOCOLS {
        let scene = Scene::with(protocol).await;
        // Somebody else's authority vouches for the server, and the right one for the proxy.
        let port = serve_tls(echo(), Authority::new().acceptor(NAME)).await;
        let proxy = scene.proxy_with_credentials();
        let request = get_url(&format!("https://{NAME}:{port}/"));
        let failure = scene.client(&proxy).send(request).await.unwrap_err();
        assert!(matches!(failure, Error::Tls(_)), "{protocol}: {failure:?}");
        let url = format!("wss://{NAME}:{port}/ws/chat");
        let failure = open(&scene.dialer(proxy), &url).await.unwrap_err();
        assert!(matches!(failure, Error::Tls(_)), "{protocol}: {failure:?}");
    }
}
