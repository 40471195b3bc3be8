use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Serves `app` on loopback until the test ends, and says at which port.
pub async fn serve(app: Router) -> u16 {
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

/// The same over TLS.
pub async fn serve_tls(app: Router, acceptor: TlsAcceptor) -> u16 {
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(TlsListener { listener, acceptor }, app).await });
    port
}

/// Sends every frame back, and the `Origin` it was greeted with first.
pub fn echo() -> Router {
    Router::new().route(
        "/ws/chat",
        get(async |upgrade: WebSocketUpgrade, headers: HeaderMap| {
            let origin = headers.get("origin").map_or(String::new(), |origin| {
                origin.to_str().expect("an ASCII origin").to_owned()
            });
            upgrade.on_upgrade(async move |mut socket| {
                socket.send(Message::Text(origin.into())).await.expect("the client listens");
                while let Some(Ok(message @ Message::Binary(_))) = socket.recv().await {
                    socket.send(message).await.expect("the client listens");
                }
            })
        }),
    )
}

/// A port nobody listens at.
pub async fn closed_port() -> u16 {
    listener().await.local_addr().unwrap().port()
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not trust us hangs up here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
