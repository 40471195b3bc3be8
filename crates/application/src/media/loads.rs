//! Files that are on their way into memory, for whoever delivers them.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use chrono::TimeDelta;
use futures::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wharf_domain::{
    Error, Timestamp, event::EventId, instance::Instance, media::MediaProgress, message::Message,
    ports::Clock,
};

use super::{Reader, in_words, reader::Loaded};

/// How long a file, or why there is none, is kept when nobody has taken it yet: whoever could not wait comes again.
const KEEP: Duration = Duration::from_secs(15);
/// How long it is remembered since when a file is wanted.
const REMEMBER: TimeDelta = TimeDelta::minutes(5);

/// Loads each file once for all who want it at about the same time.
#[derive(Clone)]
pub(super) struct Loads {
    reader: Reader,
    clock: Arc<dyn Clock>,
    closing: CancellationToken,
    by_event: Arc<Mutex<HashMap<EventId, Wanted>>>,
}

/// A file that deliveries of an event want.
struct Wanted {
    since: Timestamp,
    load: Weak<Load>,
}

/// A file on its way into memory, where it stays as long as this lives.
pub(crate) struct Load {
    outcome: watch::Sender<Option<Result<Loaded, Failure>>>,
    taken: Notify,
    closing: CancellationToken,
}

/// Why a file could not be had.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether another try is of no use.
    is_final: bool,
    /// Whether it is not known yet: the file is still on its way.
    is_pending: bool,
}

impl Failure {
    /// Whether to come again: for another try while the event is young, else for the end of the one under way.
    pub(super) fn is_worth_waiting(&self, is_young: bool, may_wait: bool) -> bool {
        !self.is_final && (is_young || self.is_pending && may_wait)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let is_final = matches!(error, Error::NotFound(_) | Error::Invalid { .. });
        Self { reason: in_words(error), is_final, is_pending: false }
    }
}

impl Loads {
    pub(super) fn new(reader: Reader, clock: Arc<dyn Clock>, closing: CancellationToken) -> Self {
        Self { reader, clock, closing, by_event: Arc::default() }
    }

    /// Whether nothing is loaded any more.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// The file of an event, and since when it is wanted: the one that is on its way, else it is begun, with
    /// `anew` also when it has just failed. It goes on when its callers go away.
    pub(super) fn of(
        &self,
        event: EventId,
        instance: &Instance,
        message: &Message,
        progress: Option<MediaProgress>,
        anew: bool,
    ) -> (Arc<Load>, Timestamp) {
        let now = self.clock.now();
        // Each change is complete by itself.
        let mut by_event = self.by_event.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_event.get(&event);
        let since = known.map_or(now, |known| known.since);
        if let Some(load) = known.and_then(|known| known.load.upgrade())
            && !(anew && load.has_failed())
        {
            return (load, since);
        }
        by_event.retain(|_, known| now - known.since < REMEMBER || known.load.strong_count() > 0);
        let load = Arc::new(Load {
            outcome: watch::Sender::new(None),
            taken: Notify::new(),
            closing: self.closing.clone(),
        });
        by_event.insert(event, Wanted { since, load: Arc::downgrade(&load) });
        drop(by_event);
        let (this, of) = (self.clone(), load.clone());
        let (instance, message) = (instance.clone(), message.clone());
        tokio::spawn(async move {
            let closing = this.closing.clone();
            let loading = this.load(&of, &instance, &message, progress.as_ref());
            closing.run_until_cancelled(loading).await;
        });
        (load, since)
    }

    async fn load(
        &self,
        load: &Load,
        instance: &Instance,
        message: &Message,
        progress: Option<&MediaProgress>,
    ) {
        let reading = AssertUnwindSafe(self.reader.read(instance, message, progress));
        let panicked = |_| Err(Error::unavailable("media", "the attempt panicked"));
        let outcome = reading.catch_unwind().await.unwrap_or_else(panicked);
        load.outcome.send_replace(Some(outcome.map_err(|e| Failure::from(&e))));
        tokio::select! {
            () = load.taken.notified() => {}
            () = self.clock.sleep(KEEP) => {}
        }
    }
}

impl Load {
    fn has_failed(&self) -> bool {
        matches!(&*self.outcome.borrow(), Some(Err(_)))
    }

    /// Waits for the file, but not for ever, and not while the gateway closes.
    pub(super) async fn wait(
        &self,
        clock: &dyn Clock,
        patience: Duration,
    ) -> Result<Bytes, Failure> {
        let mut outcome = self.outcome.subscribe();
        tokio::select! {
            biased;
            _ = outcome.wait_for(Option::is_some) => {}
            () = clock.sleep(patience) => {}
            () = self.closing.cancelled() => {}
        }
        match &*self.outcome.borrow() {
            Some(Ok(loaded)) => {
                self.taken.notify_one();
                Ok(loaded.bytes.clone())
            }
            Some(Err(failure)) => {
                self.taken.notify_one();
                Err(failure.clone())
            }
            None => Err(Failure { is_pending: true, ..Failure::from(&Error::NotAcknowledged) }),
        }
    }
}
