//! The port: chat sockets, media and administration, in plain HTTP and over TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State, WebSocketUpgrade};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hub::Hub;
use crate::peers::{self, Connection};
use crate::simulator::Simulator;
use crate::{admin, media, session};

/// The first byte of a TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// Who has connected and says nothing is let go after this long.
const SILENCE: Duration = Duration::from_secs(30);
/// The most a WebSocket reads ahead: most stanzas are smaller, and there are thousands of sockets.
const READ_BUFFER: usize = 4096;
/// What a request's head may take.
const HEAD: usize = 16 * 1024;
/// The largest media.
const LARGEST_UPLOAD: usize = 256 << 20;

/// What the server runs with.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) hub: Arc<Hub>,
    pub(crate) tls: TlsAcceptor,
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Server {
    /// Takes connections until the simulator stops.
    pub(crate) async fn run(self, listener: TcpListener, simulator: Simulator) {
        let service = TowerToHyperService::new(self.routes(simulator));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: others have to leave first.
                    tracing::error!(%error, "cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (server, service) = (self.clone(), service.clone());
            self.tasks.spawn(async move {
                tokio::select! {
                    result = server.connection(stream, Connection::new(peer), service) => {
                        if let Err(error) = result {
                            tracing::debug!(%error, "a connection has ended");
                        }
                    }
                    () = server.closing.cancelled() => {}
                }
            });
        }
    }

    fn routes(&self, simulator: Simulator) -> Router {
        let settled = middleware::from_fn_with_state(Arc::clone(&self.hub), settled);
        let uploads = DefaultBodyLimit::max(LARGEST_UPLOAD);
        let websocket =
            middleware::from_fn_with_state(Arc::clone(&self.hub), peers::note_websocket);
        let faulty = middleware::from_fn_with_state(Arc::clone(&self.hub), media::suffer);
        let media_host = middleware::from_fn_with_state(Arc::clone(&self.hub), peers::note_media);
        Router::new()
            .route("/ws/chat", any(chat).layer(websocket))
            .with_state(self.clone())
            .merge(
                Router::new()
                    .route("/mms/{kind}/{token}", post(media::upload).layer(uploads))
                    .route("/v/{name}", get(media::download))
                    .layer(faulty)
                    .layer(media_host)
                    .with_state(Arc::clone(&self.hub)),
            )
            .merge(admin::router(simulator).layer(settled))
    }

    async fn connection(
        &self,
        stream: TcpStream,
        connection: Connection,
        service: TowerToHyperService<Router>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        let said = tokio::time::timeout(SILENCE, stream.peek(&mut first)).await??;
        if said == 0 {
            return Ok(());
        }
        if first == [TLS_HANDSHAKE] {
            let stream = tokio::time::timeout(SILENCE, self.tls.accept(stream)).await??;
            http(stream, connection, service).await
        } else {
            http(stream, connection, service).await
        }
    }
}

async fn http<S>(
    stream: S,
    connection: Connection,
    service: TowerToHyperService<Router>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        let answer = service.call(request);
        async move {
            let Ok(response) = answer.await;
            if response.extensions().get::<media::HangUp>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            Ok(response)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    Ok(())
}

async fn chat(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0).on_upgrade(move |socket| {
        let Server { hub, closing, tasks, .. } = server;
        tasks.track_future(async move {
            if let Err(error) = session::serve(hub, socket, closing.child_token()).await {
                tracing::debug!(%error, "a client's connection has ended");
            }
        })
    })
}

/// What an answer tells of is safe before it is told.
async fn settled(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    hub.settled().await;
    response
}

/// A listener, and what it listens on.
pub(crate) async fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
