//! Files that are on their way into memory, for whoever delivers them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wharf_domain::{
    Error, event::EventId, instance::Instance, media::MediaProgress, message::MessageId,
    ports::Clock,
};

use super::{Reader, in_words, reader::Loaded};

/// How long a file that nobody has taken yet is kept: whoever could not wait comes again.
const KEEP: Duration = Duration::from_secs(15);

/// Loads each file once for all who want it at about the same time.
#[derive(Clone)]
pub(super) struct Loads {
    reader: Reader,
    clock: Arc<dyn Clock>,
    closing: CancellationToken,
    by_event: Arc<Mutex<HashMap<EventId, Weak<Load>>>>,
}

/// A file on its way into memory, where it stays as long as this lives.
pub(crate) struct Load {
    outcome: watch::Sender<Option<Result<Loaded, Failure>>>,
    taken: Notify,
}

/// Why a file could not be had.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether another try is of no use.
    pub(super) is_final: bool,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let is_final = matches!(error, Error::NotFound(_) | Error::Invalid { .. });
        Self { reason: in_words(error), is_final }
    }
}

impl Loads {
    pub(super) fn new(reader: Reader, clock: Arc<dyn Clock>, closing: CancellationToken) -> Self {
        Self { reader, clock, closing, by_event: Arc::default() }
    }

    /// The file of an event: the one that is on its way, else it is begun. It goes on when its callers go away.
    pub(super) fn of(
        &self,
        event: EventId,
        instance: &Instance,
        message: &MessageId,
        progress: Option<MediaProgress>,
    ) -> Arc<Load> {
        // Each change is complete by itself.
        let mut by_event = self.by_event.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(load) = by_event.get(&event).and_then(Weak::upgrade)
            && !load.has_failed()
        {
            return load;
        }
        by_event.retain(|_, load| load.strong_count() > 0);
        let load = Arc::new(Load { outcome: watch::Sender::new(None), taken: Notify::new() });
        by_event.insert(event, Arc::downgrade(&load));
        drop(by_event);
        let (this, of) = (self.clone(), load.clone());
        let (instance, message) = (instance.clone(), message.clone());
        tokio::spawn(async move {
            let closing = this.closing.clone();
            let loading = this.load(&of, &instance, &message, progress.as_ref());
            closing.run_until_cancelled(loading).await;
        });
        load
    }

    async fn load(
        &self,
        load: &Load,
        instance: &Instance,
        message: &MessageId,
        progress: Option<&MediaProgress>,
    ) {
        let outcome = self.reader.read(instance, message, progress).await;
        let is_there = outcome.is_ok();
        load.outcome.send_replace(Some(outcome.map_err(|e| Failure::from(&e))));
        if is_there {
            tokio::select! {
                () = load.taken.notified() => {}
                () = self.clock.sleep(KEEP) => {}
            }
        }
    }
}

impl Load {
    fn has_failed(&self) -> bool {
        matches!(&*self.outcome.borrow(), Some(Err(_)))
    }

    /// Waits for the file, but not for ever.
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
        }
        match &*self.outcome.borrow() {
            Some(Ok(loaded)) => {
                self.taken.notify_one();
                Ok(loaded.bytes.clone())
            }
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(Failure::from(&Error::NotAcknowledged)),
        }
    }
}
