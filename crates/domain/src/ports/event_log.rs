use async_trait::async_trait;

use crate::{
    Result,
    event::{EventId, NewEvent},
    instance::InstanceId,
};

/// What became of an event that was handed to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The id it goes by: its own, or that of the event that was there before.
    pub id: EventId,
    /// Whether it was new.
    pub is_new: bool,
}

/// The log of all that happens, and the only path to any sink.
///
/// An implementation is right when it passes `wharf_testkit::event_log_contract!`.
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
}
