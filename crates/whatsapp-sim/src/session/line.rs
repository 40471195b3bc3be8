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
    resumed: Notify,
}

impl Line {
    /// A line, and what its writer receives.
    pub(crate) fn new(
        id: u64,
        ledger: Arc<Ledger>,
        cut: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<Outbound>) {
        let (answers, outbound) = mpsc::channel(LONGEST_BACKLOG);
        let line = Self {
            id,
            ledger,
            answers,
            queued: Notify::new(),
            cut,
            stalled: Mutex::new(None),
            resumed: Notify::new(),
        };
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
        self.set_stalled(Some(clock::instant() + pause));
    }

    /// Ends a stall.
    pub(crate) fn resume(&self) {
        self.set_stalled(None);
        self.resumed.notify_waiters();
    }

    /// Whether the line neither reads nor writes now.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled_until().is_some_and(|until| clock::instant() < until)
    }

    /// Completes at once, or when the stall is over.
    pub(crate) async fn flowing(&self) {
        loop {
            // Made before the look, so that it misses nothing.
            let resumed = self.resumed.notified();
            let Some(until) = self.stalled_until() else { return };
            if until <= clock::instant() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = resumed => {}
            }
        }
    }

    fn stalled_until(&self) -> Option<Instant> {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_stalled(&self, until: Option<Instant>) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn push(&self, outbound: Outbound) {
        if self.answers.try_send(outbound).is_err() {
            self.cut();
        }
    }
}
