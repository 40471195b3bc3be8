//! A client of the WebSocket, and what it needs.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};
use wharf_domain::address::Jid;
use wharf_testkit::{InMemorySession, build};
use wharf_tests::TestGateway;

/// How long anything may take before a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a handshake consists of.
pub(crate) const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="),
];

/// A gateway with the connected instance `sales`, whose WebSocket wants these events.
pub(crate) async fn gateway(events: &[&str]) -> (TestGateway, InMemorySession) {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    enable(&gateway, json!({ "enabled": true, "events": events })).await;
    (gateway, session)
}

pub(crate) async fn enable(gateway: &TestGateway, websocket: Value) {
    gateway.post("/api/events/websocket/sales", websocket).await.expect(200);
}

pub(crate) fn bia() -> Jid {
    build::phone("5511999990002")
}

/// A message arrives.
pub(crate) async fn say(session: &InMemorySession, text: &str) {
    session.receive(build::incoming(&bia(), text)).await.unwrap();
}

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    headers: HeaderMap,
}

impl Socket {
    pub(crate) async fn open(
        gateway: &TestGateway,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        Self::open_on(stream, gateway, path, headers).await
    }

    pub(crate) async fn open_on(
        stream: TcpStream,
        gateway: &TestGateway,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let uri = format!("ws://{}{path}", gateway.address());
        let builder = headers.iter().fold(
            ClientBuilder::new().uri(&uri).unwrap(),
            |builder, (name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                builder.add_header(HeaderName::from_static(name), value).unwrap()
            },
        );
        let (stream, response) = builder.connect_on(stream).await.unwrap();
        Self { stream, headers: response.headers().clone() }
    }

    pub(crate) async fn open_as_owner(gateway: &TestGateway, path: &str) -> Self {
        Self::open(gateway, path, &[("token", gateway.account_token())]).await
    }

    /// A header of the answer to the handshake.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next frame, whatever it is; `None` once the connection has ended.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        frame.expect("a frame, or the end").and_then(Result::ok)
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Value {
        loop {
            let frame = self.frame().await.expect("an event");
            if frame.is_ping() || frame.is_pong() {
                continue;
            }
            let text = frame.as_text().unwrap_or_else(|| panic!("{frame:?} is no event"));
            return serde_json::from_str(text).unwrap();
        }
    }

    /// The words of the next message.
    pub(crate) async fn words(&mut self) -> String {
        let event = self.event().await;
        assert_eq!(event["event"], "message.exchange", "{event}");
        event["data"]["message"]["content"].as_str().unwrap().to_owned()
    }

    /// The code and the reason the connection was ended with, after whatever else.
    pub(crate) async fn end(&mut self) -> (u16, String) {
        loop {
            let frame = self.frame().await.expect("a frame that ends the connection");
            if let Some((code, reason)) = frame.as_close() {
                return (code.into(), reason.to_owned());
            }
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Pings, and waits for the answer.
    pub(crate) async fn ping(&mut self, payload: &'static str) {
        self.send(Message::ping(payload)).await;
        loop {
            let frame = self.frame().await.expect("a pong");
            if frame.is_pong() {
                assert_eq!(&frame.as_payload()[..], payload.as_bytes());
                return;
            }
            assert!(frame.is_ping(), "{frame:?} instead of a pong");
        }
    }
}
