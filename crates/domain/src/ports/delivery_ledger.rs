use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    delivery::{DeliveryId, DeliveryRecord, DeliveryState, Depth, Replay},
    instance::InstanceId,
    webhook::WebhookId,
};

/// Which deliveries are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those in this state.
    pub state: Option<DeliveryState>,
    /// Those to this webhook.
    pub webhook: Option<WebhookId>,
    /// Those after this one, in the order of the list.
    pub after: Option<DeliveryId>,
}

/// What a step of a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// How many deliveries were queued.
    pub queued: u64,
    /// Where the next step begins; `None` when this was the last.
    pub next: Option<i64>,
}

/// The deliveries, for whoever looks after them.
///
/// An implementation is right when it passes `wharf_testkit::delivery_ledger_contract!`.
#[async_trait]
pub trait DeliveryLedger: Send + Sync {
    /// At most `limit` deliveries of an instance, in the order of their ids, which is that of their events.
    async fn list(
        &self,
        instance: InstanceId,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>>;

    /// Queues events once more for a webhook of the instance, due `now`, as if they had never been tried. Each goes in a
    /// lane of its own, so it neither waits for its chat nor holds it back. What is pending or held already stays as it
    /// is and does not count. An event that is not in the log, or not the instance's, is passed over.
    ///
    /// One step looks at no more than `limit` events, those after the sequence `from` (0 at first), and is all or
    /// nothing; together the steps cover what was in the log when the first was made. All of them are given the same `now`:
    /// what was recorded later is none of [`Replay::Since`].
    async fn requeue(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        replay: &Replay,
        from: i64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Requeued>;

    /// Removes at most `limit` deliveries to a webhook of the instance that are in that state, and says how many. What is
    /// behind them in their lanes goes on; an attempt that is under way goes on, too. Delivered ones are not removed.
    async fn discard(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        state: DeliveryState,
        limit: usize,
    ) -> Result<u64>;

    /// How many deliveries of all instances are pending, dead and held.
    async fn depths(&self) -> Result<Vec<Depth>>;
}
