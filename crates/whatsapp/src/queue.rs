use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};
use wacore::types::events::{Event, InboundMessage};
use wharf_domain::ports::SessionEvent;

/// How many entries may wait before the socket is no longer read.
const ROOM: usize = 256;
/// How many messages are handed to the observer in one call.
const BATCH: usize = 100;

/// Something to be told to the observer.
pub(crate) enum Entry {
    /// Received messages, and who waits to hear that they were taken.
    Inbound(Inbound),
    /// An event of the library, converted when its turn comes.
    Library(Arc<Event>),
    /// An event of our own.
    Own(SessionEvent),
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
    receipts_in: u64,
    receipts_out: u64,
}

impl Queue {
    /// Adds an entry at the end. After the queue was closed it vanishes, since nobody is left to be told.
    pub(crate) fn push(&self, entry: Entry) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if matches!(&entry, Entry::Library(event) if matches!(**event, Event::Receipt(_))) {
            state.receipts_in += 1;
        }
        state.entries.push_back(entry);
        drop(state);
        self.moved.notify_waiters();
    }

    /// The next entry, `None` once the queue is closed and empty. Messages that follow each other come as one.
    pub(crate) async fn next(&self) -> Option<Vec<Entry>> {
        self.until(|state| state.closed || !state.entries.is_empty()).await;
        let mut state = self.lock();
        let mut next = vec![state.entries.pop_front()?];
        if matches!(next[0], Entry::Inbound(_)) {
            while next.len() < BATCH && matches!(state.entries.front(), Some(Entry::Inbound(_))) {
                next.extend(state.entries.pop_front());
            }
        }
        drop(state);
        self.moved.notify_waiters();
        Some(next)
    }

    /// Notes that a receipt has been taken by the observer.
    pub(crate) fn receipt_taken(&self) {
        self.lock().receipts_out += 1;
        self.moved.notify_waiters();
    }

    /// Returns once every receipt that came so far has been taken.
    pub(crate) async fn receipts_taken(&self) {
        let so_far = self.lock().receipts_in;
        self.until(|state| state.receipts_out >= so_far).await;
    }

    /// Whether more may be caused.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().entries.len() < ROOM
    }

    /// Returns once more may be caused.
    pub(crate) async fn room(&self) {
        self.until(|state| state.entries.len() < ROOM).await;
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
        Entry::Own(SessionEvent::KeepaliveTimeout)
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
        assert!(queue.room().now_or_never().is_none());
        queue.next().await;
        assert!(queue.room().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_wait_for_receipts_is_for_those_that_came_before_it() {
        let receipt = || {
            let receipt = wacore::types::events::Receipt::builder()
                .message_ids(Vec::new())
                .source(wacore::types::message::MessageSource::default())
                .timestamp(chrono::DateTime::UNIX_EPOCH)
                .r#type(wacore::types::presence::ReceiptType::Read)
                .offline(false)
                .build();
            Entry::Library(Arc::new(Event::Receipt(receipt)))
        };
        let queue = Queue::default();
        assert!(queue.receipts_taken().now_or_never().is_some());
        queue.push(receipt());
        let mut first = Box::pin(queue.receipts_taken());
        assert!(first.as_mut().now_or_never().is_none());
        queue.push(receipt());
        queue.receipt_taken();
        assert!(first.now_or_never().is_some());
        assert!(queue.receipts_taken().now_or_never().is_none());
    }
}
