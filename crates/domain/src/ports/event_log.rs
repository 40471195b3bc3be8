use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    delivery::{DeliveryId, SinkRef},
    event::{Event, EventId, NewEvent},
    instance::InstanceId,
};

/// What became of an event that was handed to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The id it goes by: its own, or that of the event that was there before.
    pub id: EventId,
    /// Whether it was new.
    pub is_new: bool,
    /// What is in the queue now because of it, where the log tells.
    pub queued: Option<Queued>,
}

/// What an event put into the queue that was due as it was recorded. Whoever makes the deliveries need not look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The event's place in its instance's log.
    pub sequence: i64,
    /// The deliveries that were due, each to another sink.
    pub deliveries: Vec<QueuedDelivery>,
}

/// A delivery that was just put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedDelivery {
    /// Identifies it.
    pub id: DeliveryId,
    /// Where it goes.
    pub sink: SinkRef,
    /// The sequence of the last one that waited in its lane when it came there; `None` for the first.
    pub after: Option<i64>,
}

/// Where reading the log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStart {
    /// With the oldest event there is.
    Oldest,
    /// After this event; when it is not in the log any more, or never was, after the moment in its id.
    AfterEvent(EventId),
    /// After this place.
    AfterSequence(i64),
    /// With what was recorded at this moment.
    Since(Timestamp),
}

/// How long settled events are kept: those of which nothing is on its way or held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRetention {
    /// Events recorded before this go, unless they have a dead letter.
    pub before: Option<Timestamp>,
    /// Of the others the oldest go while all bodies together are larger than so many bytes.
    pub max_bytes: Option<u64>,
    /// Dead letters whose event was recorded before this go, and with the last of them their event.
    pub dead_before: Option<Timestamp>,
    /// Of the other dead letters the oldest go, with their events, while the bodies of their events are larger than so
    /// many bytes; a body counts for each dead letter of its event.
    pub dead_max_bytes: Option<u64>,
}

/// What was removed of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events, with their settled deliveries.
    pub events: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

/// The log of all that happens, and the only path to any sink.
///
/// An implementation is right when it passes `wharf_testkit::event_log_contract!`, `wharf_testkit::event_reading_contract!` and
/// `wharf_testkit::event_retention_contract!`.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Records events of an instance, all or none, in their order.
    ///
    /// One transaction writes, for each event: the message or the new status of the messages it speaks of, the event
    /// with the next sequence of the instance, and one delivery for each enabled sink whose filter wants it, as
    /// configured within that transaction. When it returns, all of it survives a crash.
    ///
    /// Where `media_until` is set and the instance has a bucket, as configured within that transaction, it also makes a
    /// media job that is due at once, and the deliveries of that event are due at `media_until` unless the job is
    /// settled before.
    ///
    /// An event whose key is already in the log of the instance changes nothing. A message that is already stored
    /// (one we sent) gets the event's content and keeps its encoding and a status no lower than it had. The event of an
    /// outgoing message is its acknowledgement: it makes the status at least `Sent`. A receipt moves a message's
    /// status only forward, and only that of messages we sent.
    ///
    /// Fails with `NotFound(Instance)` when there is no such instance.
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>>;

    /// Reads at most `limit` events of an instance, in their order. An event that was not given at one time comes at no
    /// later time before one that was: whoever goes on after the last one misses nothing.
    ///
    /// What cannot be read any more is left out, and told to the log of the process.
    async fn read(&self, instance: InstanceId, from: LogStart, limit: usize) -> Result<Vec<Event>>;

    /// The place of the newest event of an instance; 0 when there was none yet.
    async fn end(&self, instance: InstanceId) -> Result<i64>;

    /// Removes at most about `limit` events and dead letters that need not be kept. Says how many went; none when
    /// there is nothing left to remove.
    async fn prune(&self, keep: &EventRetention, limit: u64) -> Result<Pruned>;
}
