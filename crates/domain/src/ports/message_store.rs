use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Result, Timestamp,
    address::Jid,
    instance::InstanceId,
    message::{Message, MessageId, MessageStatus, StoredMessage},
    metrics::Metrics,
};

/// An outgoing message that is about to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingDraft {
    /// The message.
    pub message: Message,
    /// The same in the WhatsApp adapter's own encoding.
    pub raw: Option<Bytes>,
    /// The caller's idempotency key and the fingerprint of the request it came with.
    pub idempotency: Option<(String, [u8; 32])>,
}

/// What came of reserving an outgoing message.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made once a send and taken apart at once")]
pub enum Reservation {
    /// It is stored as pending under its own id.
    Fresh,
    /// The idempotency key was used before, for this message.
    Known(StoredMessage),
}

/// A message of the past that the phone offered.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoricMessage {
    /// The message.
    pub message: Message,
    /// The same in the WhatsApp adapter's own encoding.
    pub raw: Bytes,
    /// What became of it, when it is ours.
    pub status: MessageStatus,
}

/// Keeps messages. What arrives is written by `EventLog::append`, since message and event are one step.
///
/// An implementation is right when it passes `wharf_testkit::message_store_contract!` and
/// `wharf_testkit::message_history_contract!`.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Writes an outgoing message as pending, together with its idempotency key, in one step.
    ///
    /// A key that was used less than 24 hours before `now` with the same fingerprint gives the message of then and
    /// writes nothing; with another fingerprint it fails with `IdempotencyMismatch`.
    async fn reserve(
        &self,
        instance: InstanceId,
        draft: &OutgoingDraft,
        now: Timestamp,
    ) -> Result<Reservation>;

    /// Looks up what an idempotency key was used for less than 24 hours before `now`; fails with `IdempotencyMismatch`
    /// when that came with another fingerprint.
    async fn recall(
        &self,
        instance: InstanceId,
        key: &str,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredMessage>>;

    /// Looks a message up by its id, whichever chat it is in; the newest where ids clash.
    async fn find(&self, instance: InstanceId, id: &MessageId) -> Result<Option<StoredMessage>>;

    /// Of these messages those of ours that WhatsApp's server has not acknowledged as far as is known: pending and failed
    /// ones. Asked for every receipt, and hardly ever finds any; where ids clash the newest counts.
    async fn unacknowledged(
        &self,
        instance: InstanceId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>> {
        let mut unacknowledged = Vec::new();
        for id in ids {
            let stored = self.find(instance, id).await?;
            unacknowledged
                .extend(stored.filter(StoredMessage::is_unacknowledged).map(|s| s.message));
        }
        Ok(unacknowledged)
    }

    /// Notes that WhatsApp's server refused a pending message. Anything but a pending message stays as it is.
    async fn fail(&self, instance: InstanceId, id: &MessageId, code: Option<u16>) -> Result<()>;

    /// The last name known for each chat partner asked for, from the messages they sent.
    async fn names(&self, instance: InstanceId, jids: &[Jid]) -> Result<Vec<(Jid, String)>>;

    /// Writes messages of the past, all or none, and says how many were new. One that is already stored stays as it
    /// is. No event is made of them.
    async fn import(&self, instance: InstanceId, messages: &[HistoricMessage]) -> Result<u64>;

    /// Figures of an instance's messages as of `now`, over what is stored.
    async fn metrics(&self, instance: InstanceId, now: Timestamp) -> Result<Metrics>;

    /// Removes messages older than `before`, at most `limit`, and the idempotency keys older than 24 hours before `now`.
    /// Says how many rows went.
    async fn prune(&self, before: Option<Timestamp>, now: Timestamp, limit: u64) -> Result<u64>;
}
