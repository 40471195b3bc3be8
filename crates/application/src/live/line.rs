//! What waits for a reader.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::LiveEvent;

/// How many events may wait for a reader.
const EVENTS: usize = 4096;
/// How many bytes they may have together; one that is larger waits alone.
const BYTES: usize = 32 << 20;

/// A line of events that one reader takes from. It never takes up more than it may.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: Mutex<Waiting>,
    /// Something was put in, or the line has ended.
    news: Notify,
    /// Something was taken out.
    taken: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Arc<LiveEvent>>,
    bytes: usize,
    end: Option<End>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The reader did not keep up; what waited was given up.
    TooSlow,
    /// The instance or the gateway is no more; what waits is still given.
    Closed,
}

impl Waiting {
    fn has_room_for(&self, event: &LiveEvent) -> bool {
        self.events.is_empty()
            || self.events.len() < EVENTS && self.bytes.saturating_add(event.len()) <= BYTES
    }

    fn put(&mut self, event: Arc<LiveEvent>) {
        self.bytes += event.len();
        self.events.push_back(event);
    }
}

impl Line {
    /// Puts an event in. One that finds no room ends the line: then this is false.
    pub(super) fn put(&self, event: &Arc<LiveEvent>) -> bool {
        let mut waiting = self.waiting();
        if waiting.end.is_some() {
            return true;
        }
        let has_room = waiting.has_room_for(event);
        if has_room {
            waiting.put(event.clone());
        } else {
            *waiting = Waiting { end: Some(End::TooSlow), ..Waiting::default() };
        }
        drop(waiting);
        self.news.notify_one();
        has_room
    }

    /// Puts an event in once there is room for it.
    pub(super) async fn put_patiently(&self, event: Arc<LiveEvent>) {
        loop {
            {
                let mut waiting = self.waiting();
                if waiting.end.is_some() {
                    return;
                }
                if waiting.has_room_for(&event) {
                    waiting.put(event);
                    break;
                }
            }
            self.taken.notified().await;
        }
        self.news.notify_one();
    }

    /// Waits until much of what waited has been taken.
    pub(super) async fn until_short(&self) {
        loop {
            {
                let waiting = self.waiting();
                let is_short = waiting.events.len() <= EVENTS / 4 && waiting.bytes <= BYTES / 4;
                if is_short || waiting.end.is_some() {
                    return;
                }
            }
            self.taken.notified().await;
        }
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        self.waiting().end.get_or_insert(End::Closed);
        self.news.notify_one();
    }

    /// Takes the next event, or learns why there is none.
    pub(super) async fn take(&self) -> Result<Arc<LiveEvent>, End> {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(event) = waiting.events.pop_front() {
                    waiting.bytes -= event.len();
                    self.taken.notify_one();
                    return Ok(event);
                }
                if let Some(end) = waiting.end {
                    return Err(end);
                }
            }
            self.news.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is complete by itself.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Arc<LiveEvent> {
        Arc::new(LiveEvent::of(vec![b'x'; bytes]))
    }

    #[tokio::test]
    async fn a_line_ends_when_too_many_wait_in_it() {
        let (line, event) = (Line::default(), event(1));
        for _ in 0..EVENTS {
            assert!(line.put(&event));
        }
        assert!(!line.put(&event));
        assert_eq!(line.take().await.unwrap_err(), End::TooSlow);
        assert_eq!(Arc::strong_count(&event), 1, "what waited is given up");
    }

    #[tokio::test]
    async fn a_line_ends_when_too_much_waits_in_it_and_what_is_huge_waits_alone() {
        let line = Line::default();
        assert!(line.put(&event(BYTES + 1)));
        assert!(!line.put(&event(1)));
        let line = Line::default();
        assert!(line.put(&event(BYTES - 1)));
        assert!(line.put(&event(1)));
        assert!(!line.put(&event(1)));
    }

    #[tokio::test]
    async fn what_is_put_patiently_waits_for_room() {
        let (line, event) = (Line::default(), event(1));
        for _ in 0..EVENTS {
            line.put_patiently(event.clone()).await;
        }
        let one_more = line.put_patiently(event.clone());
        tokio::pin!(one_more);
        assert!(futures::poll!(&mut one_more).is_pending());
        line.take().await.unwrap();
        one_more.await;
        let short = line.until_short();
        tokio::pin!(short);
        assert!(futures::poll!(&mut short).is_pending());
        for _ in 0..EVENTS {
            line.take().await.unwrap();
        }
        short.await;
    }

    #[tokio::test]
    async fn what_waits_when_a_line_is_closed_is_still_given() {
        let line = Line::default();
        line.put(&event(1));
        line.close();
        assert!(line.put(&event(1)), "it is not slow");
        assert!(line.take().await.is_ok());
        assert_eq!(line.take().await.unwrap_err(), End::Closed);
    }
}
