//! A companion device, and the delivery of what waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::queue::Queue;
use crate::base64_bytes;
use crate::phone::history::Wanted;
use crate::phone::signal::{PeerBundle, Prekey};
use crate::session::line::Line;

/// Whether a companion said that its owner is looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Its owner looks at it, or it pretends so: the phone gives no notifications then.
    Available,
    /// Nobody looks.
    Unavailable,
}

/// A linked device: everything but the phone, which is device 0.
#[derive(Serialize, Deserialize)]
pub(crate) struct Device {
    /// Its number in the account, from 1; never used twice.
    pub(crate) id: u16,
    /// Its index in the account's list of keys.
    pub(crate) key_index: u32,
    /// What it says it is: `chrome`, `desktop`, ….
    pub(crate) platform: String,
    /// The operating system or product it names.
    pub(crate) name: String,
    /// The Noise key it has to log in with.
    #[serde(with = "base64_bytes::array")]
    pub(crate) noise: [u8; 32],
    /// Its Signal keys, without a one-time prekey.
    pub(crate) keys: PeerBundle,
    /// The one-time prekeys nobody has fetched yet. Written one by one, not with the rest.
    #[serde(skip)]
    pub(crate) prekeys: VecDeque<Prekey>,
    /// The account's and its own signature on its identity.
    #[serde(with = "base64_bytes")]
    pub(crate) identity_proof: Vec<u8>,
    /// The name it announced.
    pub(crate) push_name: String,
    /// What it wants to know of the past.
    #[serde(default)]
    pub(crate) wants: Wanted,
    /// Whether the phone has sent it the app-state keys.
    pub(crate) has_app_state_keys: bool,
    /// What it last announced, if it has announced anything since the start.
    #[serde(skip)]
    pub(crate) presence: Option<Presence>,
    /// What it has not acknowledged.
    #[serde(skip)]
    pub(crate) queue: Queue,
    /// Its connection, while it has one.
    #[serde(skip)]
    pub(crate) delivery: Option<Delivery>,
}

/// How far the delivery on one connection has come.
pub(crate) struct Delivery {
    pub(crate) line: Arc<Line>,
    /// Whether the client says its owner is looking.
    pub(crate) available: bool,
    started: bool,
    next: u64,
    drain: Option<Drain>,
}

/// What was waiting when the client logged in.
struct Drain {
    until: u64,
    announced: bool,
    sent: usize,
}

impl Delivery {
    pub(crate) fn new(line: Arc<Line>) -> Self {
        Self { line, available: false, started: false, next: 0, drain: None }
    }
}

impl Device {
    /// Whether it is connected and logged in.
    pub(crate) fn is_online(&self) -> bool {
        self.delivery.is_some()
    }

    /// The place of the first stanza that has not been sent on the present connection.
    pub(crate) fn sent(&self) -> u64 {
        self.delivery.as_ref().map_or(0, |delivery| delivery.next)
    }

    /// Takes a bundle with a one-time prekey, if there is one left.
    pub(crate) fn take_bundle(&mut self) -> PeerBundle {
        PeerBundle { prekey: self.prekeys.pop_front(), ..self.keys.clone() }
    }

    /// The client has asked for what waits for it.
    pub(crate) fn start_delivery(&mut self) {
        let until = self.queue.end();
        let Some(delivery) = &mut self.delivery else { return };
        if !delivery.started {
            delivery.started = true;
            delivery.drain = Some(Drain { until, announced: false, sent: 0 });
        }
        delivery.line.wake();
    }

    /// The next stanzas for the connection `line`, in order; each is given once a connection.
    ///
    /// What was waiting at the login comes between an `<offline_preview>` and the end marker without
    /// which a client would wait in vain.
    pub(crate) fn next_batch(&mut self, line: u64, longest: usize) -> Vec<Arc<Node>> {
        let queue = &self.queue;
        let Some(delivery) =
            self.delivery.as_mut().filter(|delivery| delivery.line.id == line && delivery.started)
        else {
            return Vec::new();
        };
        let mut batch = Vec::new();
        if let Some(drain) = &mut delivery.drain
            && !drain.announced
        {
            drain.announced = true;
            let preview = preview(queue);
            batch.extend(preview.map(Arc::new));
        }
        while batch.len() < longest {
            let next = queue.after(delivery.next);
            if let Some(drain) = &mut delivery.drain {
                match next {
                    Some((place, stanza)) if place < drain.until => {
                        batch.push(Arc::new(from_the_past(stanza)));
                        drain.sent += 1;
                        delivery.next = place + 1;
                    }
                    _ => {
                        batch.push(Arc::new(end_of_drain(drain.sent)));
                        delivery.drain = None;
                    }
                }
                continue;
            }
            let Some((place, stanza)) = next else { break };
            batch.push(Arc::clone(stanza));
            delivery.next = place + 1;
        }
        batch
    }
}

fn preview(queue: &Queue) -> Option<Node> {
    let census = queue.census();
    (census.total > 0).then(|| {
        let preview = NodeBuilder::new("offline_preview")
            .attr("count", census.total.to_string())
            .attr("message", census.messages.to_string())
            .attr("receipt", census.receipts.to_string())
            .attr("notification", census.notifications.to_string())
            .attr("call", census.calls.to_string())
            .build();
        NodeBuilder::new("ib").children([preview]).build()
    })
}

fn end_of_drain(sent: usize) -> Node {
    let offline = NodeBuilder::new("offline").attr("count", sent.to_string()).build();
    NodeBuilder::new("ib").children([offline]).build()
}

fn from_the_past(stanza: &Node) -> Node {
    let mut stanza = stanza.clone();
    stanza.attrs.insert("offline", "0");
    stanza
}
