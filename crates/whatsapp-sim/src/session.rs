//! One client's connection, from the handshake to the end.

pub(crate) mod line;
pub(crate) mod login;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use futures::{Sink, Stream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::hub::{Hub, stanza_id};
use crate::noise::{self, Accepted, ConnectionError, Reader, Writer};
use crate::pairing::Unpaired;
use crate::stanza;
use crate::state::account::Account;
use line::{Line, Outbound};

/// A client that has not shaken hands by then is not one.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// Clients ping every 15 to 30 seconds; one silent for longer is asked, and then given up.
const SILENCE: Duration = Duration::from_mins(1);
/// How many stanzas are read ahead on a stalled line.
const MOST_HELD: usize = 1024;
/// How many queued stanzas are written in one piece.
const LONGEST_BATCH: usize = 64;

/// A client that is logged in.
pub(crate) struct Session {
    pub(crate) hub: Arc<Hub>,
    pub(crate) account: Arc<Account>,
    pub(crate) device: u16,
    pub(crate) line: Arc<Line>,
    /// The accounts whose presence it wants to know.
    pub(crate) watched: Mutex<BTreeSet<String>>,
}

/// What the connection's client is, and so what it may say.
enum Role {
    Unpaired(Arc<Unpaired>),
    Linked(Session),
}

/// Serves a client until it leaves or is sent away.
pub(crate) async fn serve(
    hub: Arc<Hub>,
    socket: WebSocket,
    cut: CancellationToken,
) -> Result<(), ConnectionError> {
    let (source, sink) = noise::frames(socket);
    let accepted = timeout(HANDSHAKE, noise::accept(source, sink, &hub.keys))
        .await
        .map_err(|_| ConnectionError::Closed)??;
    let Accepted { payload, client_static, reader, writer, .. } = accepted;
    let (line, outbound) = Line::new(hub.next_line(), Arc::clone(&hub.ledger), cut);

    let role = if payload.device_pairing_data.is_set() {
        Unpaired::welcome(&hub, &line, &payload, client_static).map(Role::Unpaired)
    } else {
        login::admit(&hub, &line, &payload, client_static).map(Role::Linked)
    };
    if role.is_none() {
        // The refusal is on the line; there is nothing to read.
        return write(None, &hub, &line, outbound, writer).await;
    }
    let session = match &role {
        Some(Role::Linked(session)) => Some(session),
        _ => None,
    };
    let result = tokio::select! {
        result = read(role.as_ref(), &line, reader) => result,
        result = write(session, &hub, &line, outbound, writer) => result,
        () = line.is_cut() => Ok(()),
    };
    match role {
        Some(Role::Unpaired(unpaired)) => unpaired.leave(),
        Some(Role::Linked(session)) => stanza::presence::leave(&session),
        None => {}
    }
    result
}

async fn read<R, E>(
    role: Option<&Role>,
    line: &Arc<Line>,
    mut reader: Reader<R>,
) -> Result<(), ConnectionError>
where
    R: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut asked = false;
    let mut held = VecDeque::new();
    loop {
        if line.is_stalled() {
            // What comes in waits, but the end of the connection is noticed.
            tokio::select! {
                () = line.flowing() => {}
                stanza = reader.next(), if held.len() < MOST_HELD => match stanza? {
                    Some(stanza) => held.push_back(stanza),
                    None => return Ok(()),
                },
            }
            continue;
        }
        if let Some(stanza) = held.pop_front() {
            receive(role, line, &stanza);
            continue;
        }
        match timeout(SILENCE, reader.next()).await {
            Ok(stanza) => {
                let Some(stanza) = stanza? else { return Ok(()) };
                asked = false;
                // The line may have been stalled meanwhile.
                held.push_back(stanza);
            }
            Err(_) if asked => return Err(ConnectionError::Closed),
            Err(_) => {
                asked = true;
                line.send(ping());
            }
        }
    }
}

fn receive(role: Option<&Role>, line: &Line, stanza: &Node) {
    tracing::trace!(line = line.id, %stanza.tag, "received");
    match role {
        Some(Role::Unpaired(unpaired)) => unpaired.receive(stanza),
        Some(Role::Linked(session)) => stanza::receive(session, stanza),
        None => {}
    }
}

async fn write<W, E>(
    session: Option<&Session>,
    hub: &Hub,
    line: &Line,
    mut outbound: mpsc::Receiver<Outbound>,
    mut writer: Writer<W>,
) -> Result<(), ConnectionError>
where
    W: Sink<Bytes, Error = E> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    loop {
        let first = tokio::select! {
            biased;
            outbound = outbound.recv() => outbound,
            () = line.woken() => None,
        };
        let mut next = first;
        loop {
            line.flowing().await;
            match next {
                Some(Outbound::Stanza(gate, stanza)) => {
                    hub.ledger.passed(gate).await;
                    writer.send(&stanza).await?;
                }
                Some(Outbound::HangUp) => return writer.close().await,
                None => {
                    let batch = session.map(Session::next_batch).unwrap_or_default();
                    if batch.is_empty() {
                        break;
                    }
                    hub.ledger.passed(hub.ledger.gate()).await;
                    writer.send_all(batch.iter().map(AsRef::as_ref)).await?;
                }
            }
            next = outbound.try_recv().ok();
        }
    }
}

impl Session {
    fn next_batch(&self) -> Vec<Arc<Node>> {
        let mut state = self.account.lock();
        state
            .devices
            .get_mut(&self.device)
            .map(|device| device.next_batch(self.line.id, LONGEST_BATCH))
            .unwrap_or_default()
    }
}

/// The server's own liveness check.
fn ping() -> Node {
    NodeBuilder::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("id", stanza_id())
        .attr("type", "get")
        .attr("xmlns", "urn:xmpp:ping")
        .children([NodeBuilder::new("ping").build()])
        .build()
}
