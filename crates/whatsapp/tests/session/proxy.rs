use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
};
use wharf_domain::{
    Error,
    ports::{SessionEnd, SessionRequest},
    proxy::ProxyConfig,
};
use wharf_net::Egress;
use wharf_whatsapp_sim::{MediaKind, NewMedia, PeerKind, Simulator};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World, instance, request},
};

/// Where the proxy goes out from. Nobody else does.
const OUTSIDE: [u8; 4] = [127, 0, 0, 2];

/// An HTTP proxy that notes whom it was to connect to.
struct Proxy {
    settings: ProxyConfig,
    targets: Mutex<Vec<String>>,
    refuses: AtomicBool,
    is_silent: AtomicBool,
    asked: Notify,
}

impl Proxy {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let settings = ProxyConfig::parse("http", "127.0.0.1", &port, None, None).unwrap();
        let proxy = Arc::new(Self {
            settings,
            targets: Mutex::default(),
            refuses: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            asked: Notify::new(),
        });
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = serving.clone();
                tokio::spawn(async move { proxy.serve(client).await });
            }
        });
        proxy
    }

    async fn serve(&self, client: TcpStream) {
        let mut client = BufReader::new(client);
        let (mut request, mut line) = (String::new(), String::new());
        while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
            request += &std::mem::take(&mut line);
        }
        let target = request.split(' ').nth(1).unwrap();
        self.targets.lock().unwrap().push(target.to_owned());
        if self.refuses.load(Ordering::SeqCst) {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
            return client.write_all(refusal.as_bytes()).await.unwrap();
        }
        if self.is_silent.load(Ordering::SeqCst) {
            self.asked.notify_one();
            return std::future::pending().await;
        }
        let Ok(target) = target.parse() else {
            let unknown = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
            return client.write_all(unknown).await.unwrap();
        };
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((OUTSIDE, 0).into()).unwrap();
        let mut server = socket.connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }

    fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    /// Answers nobody any more.
    fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::SeqCst);
    }

    fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }

    fn request(&self) -> SessionRequest {
        SessionRequest { proxy: Some(self.settings.clone()), ..request(instance()) }
    }
}

fn photo() -> NewMedia {
    NewMedia {
        kind: MediaKind::Image,
        bytes: b"foto".to_vec(),
        mime_type: None,
        file_name: None,
        caption: None,
        seconds: None,
    }
}

/// The photo that was sent, as it was told.
async fn photo_told(live: &Live) -> Bytes {
    let raw = live.recorder.wait_for("photo", |told| match told {
        Told::Inbound(inbound) => Some(inbound.raw.clone()),
        Told::Event(_) => None,
    });
    raw.await
}

/// Asserts that all connections came from the proxy, and that there were some of a kind.
fn assert_only_through_the_proxy(world: &World, kind: PeerKind) {
    let peers = world.simulator.peers();
    assert!(peers.iter().any(|peer| peer.kind == kind), "{peers:?}");
    let outside = IpAddr::from(OUTSIDE);
    assert!(peers.iter().all(|peer| peer.address == outside), "{peers:?}");
}

async fn unreachable(world: &World, request: SessionRequest) -> String {
    let live = world.start_as(request).await.unwrap();
    let SessionEnd::Unreachable(reason) = live.recorder.end().await else { panic!("reachable") };
    reason
}

#[tokio::test]
async fn with_a_proxy_every_connection_goes_through_it() {
    let world = World::new().await;
    let proxy = Proxy::start().await;
    let paired = world.pair_with(world.phone(OWN, "Loja"), proxy.request()).await;
    assert_only_through_the_proxy(&world, PeerKind::WebSocket);
    assert_eq!(proxy.targets().len(), 2, "one to pair, one to log in");

    let ana = world.phone(ANA, "Ana");
    ana.send_media(OWN, photo()).await.unwrap();
    let raw = photo_told(&paired.live).await;
    let body = paired.live.session.download(&raw, 100).await.unwrap();
    assert_eq!(&body.read().await.unwrap()[..], b"foto");
    assert_only_through_the_proxy(&world, PeerKind::Media);
    paired.live.session.prepare_media(&crate::media::photo(), None).await.unwrap();
    assert_only_through_the_proxy(&world, PeerKind::Media);
}

#[tokio::test]
async fn the_client_version_is_looked_up_by_the_proxy_too() {
    let world = World::with(|config| config.client_version = None).await;
    let proxy = Proxy::start().await;
    let reason = unreachable(&world, proxy.request()).await;
    assert!(reason.starts_with("the client version cannot be looked up: the proxy"), "{reason}");
    let targets = proxy.targets();
    assert!(targets.contains(&"web.whatsapp.com:443".to_owned()), "by name: {targets:?}");
    let outside = IpAddr::from(OUTSIDE);
    assert!(world.simulator.peers().iter().all(|peer| peer.address == outside));
}

#[tokio::test]
async fn a_session_without_a_proxy_of_its_own_takes_the_operators_wherever_it_is() {
    let operators = Proxy::start().await;
    let simulator = Simulator::start().await.unwrap();
    let default = operators.settings.clone();
    let world = World::guarded(simulator, Egress::PublicOnly, |config| {
        config.default_proxy = Some(default);
    });
    world.pair().await;
    assert_only_through_the_proxy(&world, PeerKind::WebSocket);

    // One of its own comes first, and is not exempt.
    let own = Proxy::start().await;
    let refused = match world.start_as(own.request()).await {
        Err(Error::ConnectFailed(reason)) => reason,
        Err(e) => panic!("{e:?}"),
        Ok(live) => match live.recorder.end().await {
            SessionEnd::Unreachable(reason) => reason,
            end => panic!("{end:?}"),
        },
    };
    assert!(refused.contains("proxy refused"), "{refused}");
    assert_eq!(own.targets(), [""; 0]);
}

#[tokio::test]
async fn when_the_proxy_is_down_so_is_the_session() {
    let world = World::new().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for protocol in ["http", "https", "socks5"] {
        let settings =
            ProxyConfig::parse(protocol, "127.0.0.1", &gone.to_string(), None, None).unwrap();
        let request = SessionRequest { proxy: Some(settings), ..request(instance()) };
        let reason = unreachable(&world, request).await;
        assert!(reason.contains("the proxy cannot be reached"), "{protocol}: {reason}");
    }
    assert_eq!(world.simulator.peers(), []);
}

#[tokio::test]
async fn refused_credentials_are_named() {
    let world = World::new().await;
    let proxy = Proxy::start().await;
    proxy.refuse();
    let reason = unreachable(&world, proxy.request()).await;
    assert_eq!(reason, "the proxy refused the credentials");
    assert_eq!(world.simulator.peers(), []);
}

#[tokio::test]
async fn what_speaks_another_protocol_is_named() {
    let world = World::new().await;
    let mail = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mail.local_addr().unwrap().port().to_string();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut client, _)) = mail.accept().await {
            let _ = client.write_all(b"220 mail.example.com ready\r\n\r\n").await;
            open.push(client);
        }
    });
    for (protocol, name) in [("http", "HTTP"), ("socks5", "SOCKS5")] {
        let settings = ProxyConfig::parse(protocol, "127.0.0.1", &port, None, None).unwrap();
        let request = SessionRequest { proxy: Some(settings), ..request(instance()) };
        let reason = unreachable(&world, request).await;
        assert_eq!(reason, format!("no {name} proxy answers there"));
    }
}

#[tokio::test]
async fn media_that_the_proxy_refuses_fails_for_that_reason() {
    let world = World::new().await;
    let proxy = Proxy::start().await;
    let paired = world.pair_with(world.phone(OWN, "Loja"), proxy.request()).await;
    proxy.refuse();
    let media = crate::media::photo();
    let failure = paired.live.session.prepare_media(&media, None).await.unwrap_err();
    let Error::Unavailable { source, .. } = failure else { panic!("{failure:?}") };
    assert!(source.to_string().contains("the proxy refused the credentials"), "{source}");
}

#[tokio::test]
async fn a_download_ends_with_its_session() {
    let world = World::new().await;
    let proxy = Proxy::start().await;
    let paired = world.pair_with(world.phone(OWN, "Loja"), proxy.request()).await;
    world.phone(ANA, "Ana").send_media(OWN, photo()).await.unwrap();
    let raw = photo_told(&paired.live).await;
    proxy.fall_silent();
    let session = paired.live.session.clone();
    let downloading = tokio::spawn(async move { session.download(&raw, 100).await.map(drop) });
    proxy.asked.notified().await;
    paired.live.session.abort().await;
    let failure = downloading.await.unwrap().unwrap_err();
    let Error::Unavailable { source, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(source.to_string(), "the session is over");
    assert_eq!(world.stores.holders(paired.instance), 0);
}
