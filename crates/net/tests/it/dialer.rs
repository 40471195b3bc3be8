use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::{SinkExt, StreamExt};
use tokio_websockets::Message;
use url::Host;
use wharf_net::{Dialer, Egress, Error, Net, Stream, WebSocketStream};

use crate::authority::Authority;
use crate::clients::net;
use crate::names::{Names, Silence};
use crate::servers::{closed_port, echo, listener, serve, serve_tls};

pub const LIMIT: Duration = Duration::from_secs(20);
pub const ORIGIN: &str = "https://web.example.com";

pub async fn open(dialer: &Dialer, url: &str) -> Result<WebSocketStream<Stream>, Error> {
    dialer.websocket(&url.parse().unwrap(), Some(ORIGIN)).await
}

/// Frames go both ways and the server saw our origin.
pub async fn converse(mut socket: WebSocketStream<Stream>) {
    let greeting = socket.next().await.unwrap().unwrap();
    assert_eq!(greeting.as_text(), Some(ORIGIN));
    socket.send(Message::binary("hello")).await.unwrap();
    let echoed = socket.next().await.unwrap().unwrap();
    assert_eq!(&echoed.into_payload()[..], b"hello");
}

#[tokio::test]
async fn a_plain_websocket_opens() {
    let url = format!("ws://127.0.0.1:{}/ws/chat", serve(echo()).await);
    converse(open(&net().dialer(None, LIMIT), &url).await.unwrap()).await;
}

#[tokio::test]
async fn a_secure_websocket_opens_when_its_authority_is_known() {
    let authority = Authority::new();
    let port = serve_tls(echo(), authority.acceptor("chat.test")).await;
    let url = format!("wss://chat.test:{port}/ws/chat");
    let names = Names::knowing("chat.test", &["127.0.0.1"]);

    let knowing = Net::new(authority.trusted(), Egress::Open).with_resolver(names.clone());
    converse(open(&knowing.dialer(None, LIMIT), &url).await.unwrap()).await;

    let failure = open(&net().with_resolver(names).dialer(None, LIMIT), &url).await.unwrap_err();
    assert!(
        matches!(&failure, Error::Tls(reason) if reason.contains("UnknownIssuer")),
        "{failure}"
    );
}

#[tokio::test]
async fn a_server_without_websocket_refuses_it() {
    let url = format!("ws://127.0.0.1:{}/ws/chat?key=opensesame", serve(Router::new()).await);
    let failure = open(&net().dialer(None, LIMIT), &url).await.unwrap_err();
    assert_eq!(failure, Error::Upgrade { status: Some(404) });
    assert_eq!(failure.to_string(), "the server refused the WebSocket with status 404");
}

#[tokio::test]
async fn failures_to_dial_are_told_apart() {
    let dialer = net().with_resolver(Names::knowing("x.test", &[])).dialer(None, LIMIT);
    let url = format!("ws://127.0.0.1:{}/", closed_port().await);
    let failure = open(&dialer, &url).await.unwrap_err();
    assert_eq!(failure, Error::Connect(std::io::ErrorKind::ConnectionRefused));
    let failure = open(&dialer, "ws://unknown.test/").await.unwrap_err();
    assert_eq!(failure, Error::Unresolved);
    let failure = open(&dialer, "https://127.0.0.1/").await.unwrap_err();
    assert!(matches!(failure, Error::Request(_)), "{failure}");
}

#[tokio::test]
async fn the_limit_covers_the_name_the_handshake_and_the_upgrade() {
    let brief = Duration::from_millis(50);
    let silent = listener().await;
    let address = silent.local_addr().unwrap();

    let dialer = net().dialer(None, brief);
    for url in [format!("ws://{address}/"), format!("wss://{address}/")] {
        assert_eq!(open(&dialer, &url).await.unwrap_err(), Error::ConnectTimeout);
    }
    let dialer = net().with_resolver(Arc::new(Silence)).dialer(None, brief);
    let host = Host::Domain("slow.test".to_owned());
    assert_eq!(dialer.tcp(&host, 80).await.err(), Some(Error::ConnectTimeout));
}
