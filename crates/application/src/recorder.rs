//! The way into the event log.

use std::sync::Arc;

use tokio::sync::Notify;
use wharf_domain::{
    Result,
    event::{EventBody, EventId, EventKey, NewEvent},
    instance::InstanceId,
    ports::{Appended, Clock, EventLog, Random},
};

use crate::ids;

/// Records events and wakes the deliverer. All events of the gateway go through it, whatever they come from.
#[derive(Clone)]
pub struct Recorder {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    recorded: Arc<Notify>,
}

/// An event about to be recorded.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is recognised by; `None` is always new.
    pub key: Option<EventKey>,
    /// What happened.
    pub body: EventBody,
    /// A message in the WhatsApp adapter's own encoding.
    pub raw: Option<bytes::Bytes>,
}

impl Recorder {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { log, clock, random, recorded: Arc::new(Notify::new()) }
    }

    /// Records events, all or none, in their order. Once it returns they survive a crash.
    pub async fn record(
        &self,
        instance: InstanceId,
        records: Vec<Record>,
    ) -> Result<Vec<Appended>> {
        let now = self.clock.now();
        let events: Vec<_> = records
            .into_iter()
            .map(|record| NewEvent {
                id: EventId(ids::uuid(now, &*self.random)),
                recorded_at: now,
                key: record.key,
                body: record.body,
                raw: record.raw,
            })
            .collect();
        let appended = self.log.append(instance, &events).await?;
        self.recorded.notify_one();
        Ok(appended)
    }

    /// Makes the deliverer look for work.
    pub(crate) fn wake(&self) {
        self.recorded.notify_one();
    }

    /// Waits until something has been recorded or settled since the last wait.
    pub(crate) async fn recorded(&self) {
        self.recorded.notified().await;
    }
}
