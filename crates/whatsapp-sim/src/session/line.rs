//! The way to one connected client, for everybody but its own session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wacore_binary::Node;

use crate::clock;
use crate::state::ledger::{Gate, Ledger};

/// A client that lets this many direct answers pile up does not read: it is cut off.
const LONGEST_BACKLOG: usize = 4096;

/// What the writer of a connection is given.
pub(crate) enum Outbound {
    /// A stanza, and what has to be safe before it is told.
    Stanza(Gate, Box<Node>),
    /// The end of the connection.
    HangUp,
}

/// See the module.
pub(crate) struct Line {
    /// Tells the connections of one device apart.
    pub(crate) id: u64,
    ledger: Arc<Ledger>,
    answers: mpsc::Sender<Outbound>,
    queued: Notify,
    cut: CancellationToken,
    stalled: Mutex<Option<Instant>>,
}

impl Line {
    /// A line, and what its writer receives.
    pub(crate) fn new(
        id: u64,
        ledger: Arc<Ledger>,
        cut: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<Outbound>) {
        let (answers, outbound) = mpsc::channel(LONGEST_BACKLOG);
        let line =
            Self { id, ledger, answers, queued: Notify::new(), cut, stalled: Mutex::new(None) };
        (Arc::new(line), outbound)
    }

    /// Sends a stanza that no queue keeps, once the present state is safe.
    pub(crate) fn send(&self, stanza: Node) {
        self.push(Outbound::Stanza(self.ledger.gate(), Box::new(stanza)));
    }

    /// Sends last words, if there are any, and closes.
    pub(crate) fn hang_up(&self, last_words: Option<Node>) {
        if let Some(stanza) = last_words {
            self.send(stanza);
        }
        self.push(Outbound::HangUp);
    }

    /// Closes without a word and without sending what is on its way.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Completes once the line has been cut.
    pub(crate) async fn is_cut(&self) {
        self.cut.cancelled().await;
    }

    /// Tells the writer that the device's queue has something for it.
    pub(crate) fn wake(&self) {
        self.queued.notify_one();
    }

    /// Completes after a [`wake`](Self::wake).
    pub(crate) async fn woken(&self) {
        self.queued.notified().await;
    }

    /// Neither reads nor writes for a while.
    pub(crate) fn stall(&self, pause: Duration) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(clock::instant() + pause);
    }

    /// Completes at once, or when the stall is over.
    pub(crate) async fn flowing(&self) {
        let until = *self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    fn push(&self, outbound: Outbound) {
        if self.answers.try_send(outbound).is_err() {
            self.cut();
        }
    }
}
