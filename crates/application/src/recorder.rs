//! The way into the event log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use wharf_domain::{
    Error, Result,
    event::{Event, EventBody, EventId, EventKey, NewEvent},
    instance::InstanceId,
    message::Content,
    ports::{Appended, Clock, EventLog, Meter, Random},
};

use crate::{Ports, deliverer::Lanes, ids, live::Wakes};

/// How often something is tried again before it counts as failed.
const TRIES: u32 = 5;

/// Records events and wakes the deliverer. All events of the gateway go through it, whatever they come from.
#[derive(Clone)]
pub struct Recorder {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    lanes: Arc<Lanes>,
    told: Arc<Told>,
    media: Arc<Notify>,
    live: Wakes,
    /// How long deliveries may be held for the media of their event.
    hold: Duration,
}

/// What the deliverer is told.
#[derive(Default)]
struct Told {
    something: Notify,
    of_the_store: AtomicBool,
    of_room: AtomicBool,
    of_what_is_expected: AtomicBool,
}

/// What the deliverer was told since it asked last.
pub(crate) struct News {
    /// The store may have something that is not known.
    pub(crate) of_the_store: bool,
    /// Something may be served for which there was no room.
    pub(crate) of_room: bool,
    /// The store has something that is about to be told.
    pub(crate) of_what_is_expected: bool,
}

/// Makes the deliverer look in the store for what may have been written although nobody was told.
struct WakeUnlessTold<'a>(Option<&'a Recorder>);

impl Drop for WakeUnlessTold<'_> {
    fn drop(&mut self) {
        if let Some(recorder) = self.0 {
            recorder.wake();
        }
    }
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
            lanes: Arc::default(),
            told: Arc::default(),
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
        let mut unless_told = WakeUnlessTold(Some(self));
        let appended = self.log.append(instance, &events).await?;
        unless_told.0 = None;
        for (event, appended) in events.iter().zip(&appended) {
            self.meter.event_recorded(event.body.kind(), appended.is_new);
        }
        self.live.wake(instance);
        if events.iter().any(|event| event.media_until.is_some()) {
            self.media.notify_one();
        }
        let mut all_known = true;
        for (event, appended) in events.into_iter().zip(&appended) {
            all_known &= self.hand_over(instance, event, appended);
        }
        if all_known {
            self.nudge();
        } else {
            self.wake();
        }
        Ok(appended)
    }

    /// Gives the deliverer what it need not look for. False when it has to look all the same.
    fn hand_over(&self, instance: InstanceId, event: NewEvent, appended: &Appended) -> bool {
        // Of one that was there already, whoever recorded it may not have come to tell.
        let Some(queued) = &appended.queued else { return false };
        let NewEvent { id, recorded_at, body, media_until, .. } = event;
        // What waits for its media is due later.
        let is_all = media_until.is_none();
        if queued.deliveries.is_empty() {
            return is_all;
        }
        let event = Event { id, instance, sequence: queued.sequence, recorded_at, body };
        self.lanes.offer(&event, queued) && is_all
    }

    /// Records events as [`Recorder::record`] does, and tries again for a while where the log fails: for what nobody
    /// delivers a second time.
    pub(crate) async fn insist(&self, instance: InstanceId, records: Vec<Record>) -> Result<()> {
        patiently(&*self.clock, || self.record(instance, records.clone())).await.map(drop)
    }

    /// The lanes that the deliverer knows of.
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Makes the deliverer look for work in the store.
    pub(crate) fn wake(&self) {
        self.told.of_the_store.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Makes the deliverer look for work for which there was no room.
    pub(crate) fn wake_for_room(&self) {
        self.told.of_room.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Makes the deliverer look for work in the store after a while, should it not be told of it by then.
    pub(crate) fn wake_later(&self) {
        self.told.of_what_is_expected.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Makes the deliverer look at what it was given.
    pub(crate) fn nudge(&self) {
        self.told.something.notify_one();
    }

    /// What the deliverer was told since the last time. Whatever it is told from then on makes [`Recorder::told`] return.
    pub(crate) fn news(&self) -> News {
        let Told { of_the_store, of_room, of_what_is_expected, .. } = &*self.told;
        News {
            of_the_store: of_the_store.swap(false, Ordering::SeqCst),
            of_room: of_room.swap(false, Ordering::SeqCst),
            of_what_is_expected: of_what_is_expected.swap(false, Ordering::SeqCst),
        }
    }

    /// Waits until the deliverer is told something that it was not told before the last wait.
    pub(crate) async fn told(&self) {
        self.told.something.notified().await;
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
