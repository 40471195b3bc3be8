use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, oneshot};
use wacore::{
    stanza::groups::GroupNotification,
    types::{
        call::IncomingCall,
        events::{Event, InboundMessage, Receipt},
    },
};
use wacore_binary::Jid;
use wharf_domain::ports::SessionEvent;

/// How many entries may wait before the socket is no longer read.
const ROOM: usize = 256;
/// How many frames may be read beyond what they caused to be told. The library keeps messages that wait for their turn
/// in lines of its own, without a limit; while it catches up with a backlog it collects up to 400 before it hands over.
const WINDOW: usize = 512;
/// After so long without anything to tell, what was read has caused nothing.
const IDLE: Duration = Duration::from_millis(50);
/// How many messages are handed to the observer in one call.
const BATCH: usize = 100;

/// Something to be told to the observer.
pub(crate) enum Entry {
    /// Received messages, and who waits to hear that they were taken.
    Inbound(Inbound),
    /// An event of the library, converted when its turn comes.
    Library(Arc<Event>),
    /// A receipt, and whom it says it is for.
    Receipt(Box<Receipt>, Option<Jid>),
    /// Something about a call, and whether it begins to ring with that.
    Call(Box<IncomingCall>, bool),
    /// A change of a group, by its place among those told at once.
    Group(Arc<GroupNotification>, usize),
    /// Who we are has changed.
    Profile,
    /// An event of our own.
    Own(Box<SessionEvent>),
}

impl Entry {
    /// A receipt, and whom it says it is for.
    pub(crate) fn receipt(receipt: Receipt, recipient: Option<Jid>) -> Self {
        Self::Receipt(Box::new(receipt), recipient)
    }

    /// Whether it is a receipt, which WhatsApp forgets once it is acknowledged.
    pub(crate) fn is_receipt(&self) -> bool {
        matches!(self, Self::Receipt(..))
    }

    /// How many stanzas it stands for.
    pub(crate) fn things(&self) -> usize {
        match self {
            Self::Inbound(inbound) => inbound.messages.len(),
            _ => 1,
        }
    }
}

/// Received messages, and who waits to hear that they were taken.
pub(crate) struct Inbound {
    pub(crate) messages: Vec<InboundMessage>,
    pub(crate) taken: Option<oneshot::Sender<bool>>,
}

impl Inbound {
    /// Whether somebody cares. A message whose receiver has gone is delivered again.
    pub(crate) fn is_wanted(&self) -> bool {
        self.taken.as_ref().is_none_or(|taken| !taken.is_closed())
    }
}

/// The line of everything that happens in a session, in its order.
///
/// Entries are taken without waiting; instead, those who read the socket wait for room before they cause more.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    closed: bool,
    /// Whether the observer is being told something.
    telling: bool,
    /// Frames read that have not been seen to the end.
    unseen: usize,
    receipts_in: u64,
    receipts_out: u64,
}

impl State {
    fn is_idle(&self) -> bool {
        self.entries.is_empty() && !self.telling
    }
}

impl Queue {
    /// Adds an event of our own at the end.
    pub(crate) fn push_own(&self, event: SessionEvent) {
        self.push(Entry::Own(Box::new(event)));
    }

    /// Adds an entry at the end. After the queue was closed it vanishes, since nobody is left to be told.
    pub(crate) fn push(&self, entry: Entry) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if entry.is_receipt() {
            state.receipts_in += 1;
        }
        state.entries.push_back(entry);
        drop(state);
        self.moved.notify_waiters();
    }

    /// The next entry, `None` once the queue is closed and empty. Messages that follow each other come as one.
    /// Whoever takes entries says [`told`](Self::told) before the next.
    pub(crate) async fn next(&self) -> Option<Vec<Entry>> {
        self.until(|state| state.closed || !state.entries.is_empty()).await;
        let mut state = self.lock();
        let mut next = vec![state.entries.pop_front()?];
        if matches!(next[0], Entry::Inbound(_)) {
            while next.len() < BATCH && matches!(state.entries.front(), Some(Entry::Inbound(_))) {
                next.extend(state.entries.pop_front());
            }
        }
        state.telling = true;
        drop(state);
        self.moved.notify_waiters();
        Some(next)
    }

    /// Notes that the observer has been told, of so many things, among them so many receipts.
    pub(crate) fn told(&self, things: usize, receipts: u64) {
        let mut state = self.lock();
        state.telling = false;
        state.unseen = state.unseen.saturating_sub(things);
        state.receipts_out += receipts;
        drop(state);
        self.moved.notify_waiters();
    }

    /// Notes that a frame caused something that nobody needs to be told.
    pub(crate) fn nothing_to_tell(&self) {
        let mut state = self.lock();
        state.unseen = state.unseen.saturating_sub(1);
    }

    /// Returns once every receipt that came so far has been taken.
    pub(crate) async fn receipts_taken(&self) {
        let so_far = self.lock().receipts_in;
        self.until(|state| state.receipts_out >= so_far).await;
    }

    /// Whether the observer has been told everything.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    fn has_room(&self) -> bool {
        Self::is_open(&self.lock())
    }

    /// Returns once another frame may be read, and counts it.
    pub(crate) async fn admit(&self) {
        while !self.has_room() {
            let waited = tokio::time::timeout(IDLE, self.until(Self::is_open)).await;
            let mut state = self.lock();
            if waited.is_err() && state.is_idle() {
                state.unseen = 0;
            }
        }
        self.lock().unseen += 1;
    }

    fn is_open(state: &State) -> bool {
        state.entries.len() < ROOM && state.unseen < WINDOW
    }

    /// Takes no more entries; those that wait are still given out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.moved.notify_waiters();
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let mut moved = pin!(self.moved.notified());
            moved.as_mut().enable();
            if holds(&self.lock()) {
                return;
            }
            moved.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn inbound() -> Entry {
        Entry::Inbound(Inbound { messages: Vec::new(), taken: None })
    }

    fn own() -> Entry {
        Entry::Own(Box::new(SessionEvent::KeepaliveTimeout))
    }

    #[tokio::test]
    async fn messages_that_follow_each_other_come_together_and_nothing_overtakes() {
        let queue = Queue::default();
        for entry in [own(), inbound(), inbound(), own(), inbound()] {
            queue.push(entry);
        }
        queue.close();
        let mut sizes = Vec::new();
        while let Some(next) = queue.next().await {
            sizes.push((next.len(), matches!(next[0], Entry::Inbound(_))));
        }
        assert_eq!(sizes, [(1, false), (2, true), (1, false), (1, true)]);
    }

    #[tokio::test]
    async fn a_full_queue_has_no_room_until_something_is_taken() {
        let queue = Queue::default();
        for _ in 0..ROOM {
            queue.push(own());
        }
        assert!(!queue.has_room());
        assert!(queue.admit().now_or_never().is_none());
        queue.next().await;
        assert!(queue.admit().now_or_never().is_some());
    }

    #[tokio::test]
    async fn frames_are_read_as_fast_as_what_they_cause_is_told() {
        let queue = Queue::default();
        for _ in 0..WINDOW {
            queue.admit().await;
        }
        queue.push(inbound());
        queue.next().await;
        // While the observer is busy no time helps.
        let while_busy = tokio::time::timeout(3 * IDLE, queue.admit()).await;
        assert!(while_busy.is_err());
        queue.told(1, 0);
        assert!(queue.admit().now_or_never().is_some());
        assert!(queue.admit().now_or_never().is_none());
        queue.nothing_to_tell();
        assert!(queue.admit().now_or_never().is_some());
        // And frames that cause nothing are forgotten.
        queue.admit().await;
    }

    #[tokio::test]
    async fn the_wait_for_receipts_is_for_those_that_came_before_it() {
        let receipt = || {
            let receipt = Receipt::builder()
                .message_ids(Vec::new())
                .source(wacore::types::message::MessageSource::default())
                .timestamp(chrono::DateTime::UNIX_EPOCH)
                .r#type(wacore::types::presence::ReceiptType::Read)
                .offline(false)
                .build();
            Entry::receipt(receipt, None)
        };
        let queue = Queue::default();
        assert!(queue.receipts_taken().now_or_never().is_some());
        queue.push(receipt());
        let mut first = Box::pin(queue.receipts_taken());
        assert!(first.as_mut().now_or_never().is_none());
        queue.push(receipt());
        queue.told(1, 1);
        assert!(first.now_or_never().is_some());
        assert!(queue.receipts_taken().now_or_never().is_none());
    }
}
