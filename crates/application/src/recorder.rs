//! The way into the event log.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use wharf_domain::{
    Error, Result,
    event::{EventBody, EventId, EventKey, NewEvent},
    instance::InstanceId,
    message::Content,
    ports::{Appended, Clock, EventLog, Meter, Random},
};

use crate::{Ports, ids, live::Wakes};

/// How often something is tried again before it counts as failed.
const TRIES: u32 = 5;

/// Records events and wakes the deliverer. All events of the gateway go through it, whatever they come from.
#[derive(Clone)]
pub struct Recorder {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    recorded: Arc<Notify>,
    media: Arc<Notify>,
    live: Wakes,
    /// How long deliveries may be held for the media of their event.
    hold: Duration,
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
    pub(crate) fn new(ports: &Ports, hold: Duration) -> Self {
        Self {
            log: ports.log.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            meter: ports.meter.clone(),
            recorded: Arc::default(),
            media: Arc::default(),
            live: Wakes::default(),
            hold,
        }
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
                media_until: brings_media(&record).then(|| now + self.hold),
                key: record.key,
                body: record.body,
                raw: record.raw,
            })
            .collect();
        let appended = self.log.append(instance, &events).await?;
        self.recorded.notify_one();
        for (event, appended) in events.iter().zip(&appended) {
            self.meter.event_recorded(event.body.kind(), appended.is_new);
        }
        self.live.wake(instance);
        if events.iter().any(|event| event.media_until.is_some()) {
            self.media.notify_one();
        }
        Ok(appended)
    }

    /// Records events as [`Recorder::record`] does, and tries again for a while where the log fails: for what nobody
    /// delivers a second time.
    pub(crate) async fn insist(&self, instance: InstanceId, records: Vec<Record>) -> Result<()> {
        patiently(&*self.clock, || self.record(instance, records.clone())).await.map(drop)
    }

    /// Makes the deliverer look for work.
    pub(crate) fn wake(&self) {
        self.recorded.notify_one();
    }

    /// Waits until something has been recorded or settled since the last wait.
    pub(crate) async fn recorded(&self) {
        self.recorded.notified().await;
    }

    /// Makes whoever follows an instance's log look at it.
    pub(crate) fn live(&self) -> &Wakes {
        &self.live
    }

    /// Makes whoever fetches media look for work.
    pub(crate) fn wake_media(&self) {
        self.media.notify_one();
    }

    /// Waits until a message with media has been recorded, or a job settled, since the last wait.
    pub(crate) async fn media_recorded(&self) {
        self.media.notified().await;
    }
}

/// Whether there is media to be fetched: what was sent through the API is its caller's own.
fn brings_media(record: &Record) -> bool {
    let EventBody::Message(message) = &record.body else { return false };
    let is_media = matches!(message.content, Content::Media(_));
    is_media && message.source.is_none() && record.raw.is_some()
}

/// Tries something again while the store fails, for about twelve seconds. Gives the last failure.
pub(crate) async fn patiently<T, F>(clock: &dyn Clock, mut act: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut pause = Duration::from_millis(100);
    for _ in 0..TRIES {
        match act().await {
            Err(e @ Error::Unavailable { .. }) => {
                tracing::error!(error = &e as &dyn std::error::Error, ?pause, "will try again");
                clock.sleep(pause).await;
                pause *= 3;
            }
            outcome => return outcome,
        }
    }
    act().await
}
