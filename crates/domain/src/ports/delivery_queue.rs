use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement},
};

/// The deliveries that wait, in lanes.
///
/// An implementation is right when it passes `wharf_testkit::delivery_queue_contract!`.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Claims deliveries that are due, each for nobody else until it is settled or released.
    ///
    /// Of a sink's lane only a run from its head is given, in order, at most `per_lane`; a lane of which something is
    /// claimed, or whose head is not yet due, gives nothing. In all at most `limit`. Lanes whose head has waited
    /// longest come first.
    async fn claim(&self, now: Timestamp, limit: usize, per_lane: usize) -> Result<Vec<Delivery>>;

    /// Settles claimed deliveries, all in one step. Those that are not there any more are passed over.
    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()>;

    /// Gives claimed deliveries back as they were.
    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()>;

    /// Gives back all claims, for a start after a crash. Says how many there were.
    async fn release_all(&self) -> Result<u64>;

    /// When the next unclaimed delivery at the head of a lane is due, if there is any.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
}
