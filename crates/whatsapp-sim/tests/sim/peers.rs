//! Where clients come from, for tests of proxies.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use wacore::download::MediaType;
use wharf_whatsapp_sim::{Peer, PeerKind, Simulator};
use whatsapp_rust::upload::UploadOptions;

use crate::client::TestClient;

const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

/// Asks for a path from another loopback address, and says what the answer begins with.
async fn ask(sim: &Simulator, path: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((ELSEWHERE, 0))).unwrap();
    let mut stream = socket.connect(sim.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn peer(kind: PeerKind, address: Ipv4Addr) -> Peer {
    Peer { kind, address: address.into() }
}

#[tokio::test]
async fn a_client_is_known_by_its_connections_to_the_server_and_to_the_media_host() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    assert!(sim.peers().is_empty());
    let client = TestClient::linked(&sim, &ana).await;
    let sockets = sim.peers();
    assert!(!sockets.is_empty());
    assert!(sockets.iter().all(|known| *known == peer(PeerKind::WebSocket, HOME)), "{sockets:?}");
    sim.forget_peers();
    let blob = vec![7; 1000];
    client.client.upload(blob, MediaType::Image, UploadOptions::default()).await.unwrap();
    let media = sim.peers();
    assert!(!media.is_empty());
    assert!(media.iter().all(|known| *known == peer(PeerKind::Media, HOME)), "{media:?}");
}

#[tokio::test]
async fn peers_are_told_apart_by_address_and_programs_are_none() {
    let sim = Simulator::start().await.unwrap();
    assert!(ask(&sim, "/admin/stats").await.starts_with("HTTP/1.1 200"));
    assert!(sim.peers().is_empty());
    assert!(ask(&sim, "/v/nothing").await.starts_with("HTTP/1.1 404"));
    assert_eq!(sim.peers(), [peer(PeerKind::Media, ELSEWHERE)]);
    // Not a WebSocket, but somebody who wanted one.
    ask(&sim, "/ws/chat").await;
    let kinds: Vec<_> = sim.peers().iter().map(|known| known.kind).collect();
    assert_eq!(kinds, [PeerKind::Media, PeerKind::WebSocket]);
    let told = ask(&sim, "/admin/peers").await;
    assert!(told.contains(r#"{"address":"127.0.0.7","kind":"websocket"}"#), "{told}");
    sim.forget_peers();
    assert!(sim.peers().is_empty());
}
