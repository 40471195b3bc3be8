//! Where connections come from: clients that are to go through a proxy have to come from there.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use crate::hub::Hub;

/// What a connection was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// To speak with the server.
    WebSocket,
    /// To upload or download media.
    Media,
}

/// A connection's other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Peer {
    /// What it was made for.
    pub kind: PeerKind,
    /// Where it came from.
    pub address: IpAddr,
}

/// The connections there have been, in order.
#[derive(Default)]
pub(crate) struct Peers(Mutex<Vec<Peer>>);

impl Peers {
    pub(crate) fn list(&self) -> Vec<Peer> {
        self.lock().clone()
    }

    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Peer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the requests of one connection have in common.
#[derive(Clone)]
pub(crate) struct Connection {
    address: IpAddr,
    known: Arc<AtomicBool>,
}

impl Connection {
    pub(crate) fn new(peer: SocketAddr) -> Self {
        Self { address: peer.ip().to_canonical(), known: Arc::default() }
    }

    fn note(&self, peers: &Peers, kind: PeerKind) {
        if !self.known.swap(true, Ordering::Relaxed) {
            peers.lock().push(Peer { kind, address: self.address });
        }
    }
}

/// Notes a connection to the media host at its first request.
pub(crate) async fn note_media(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Response {
    note(&hub, &request, PeerKind::Media);
    next.run(request).await
}

/// Notes a client's connection.
pub(crate) async fn note_websocket(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Response {
    note(&hub, &request, PeerKind::WebSocket);
    next.run(request).await
}

fn note(hub: &Hub, request: &Request, kind: PeerKind) {
    if let Some(connection) = request.extensions().get::<Connection>() {
        connection.note(&hub.peers, kind);
    }
}
