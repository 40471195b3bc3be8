use std::collections::HashMap;

use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkRef},
};

/// How much whoever claims can take on at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many lanes in all.
    pub lanes: usize,
    /// How many lanes of one sink, unless [`Room::sinks`] says otherwise.
    pub per_sink: usize,
    /// How many deliveries of one lane.
    pub per_lane: usize,
    /// How many lanes of sinks for which there is less room; of a sink with none nothing is taken.
    pub sinks: HashMap<SinkRef, usize>,
}

impl Room {
    /// For so many lanes, whatever their sinks.
    #[must_use]
    pub fn of(lanes: usize, per_lane: usize) -> Self {
        Self { lanes, per_sink: lanes, per_lane, sinks: HashMap::new() }
    }

    /// How many lanes of that sink there is room for.
    #[must_use]
    pub fn for_sink(&self, sink: SinkRef) -> usize {
        let own = self.sinks.get(&sink).copied().unwrap_or(self.per_sink);
        if self.per_lane == 0 { 0 } else { own.min(self.lanes) }
    }
}

/// The deliveries that wait, in lanes.
///
/// An implementation is right when it passes `wharf_testkit::delivery_queue_contract!`.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Claims deliveries that are due, each for nobody else until it is settled or released.
    ///
    /// Of a sink's lane only a run from its head is given, in order, at most as long as the room says; a lane of which
    /// something is claimed, or whose head is not yet due, gives nothing. Never more lanes than there is room for, in
    /// all and of each sink: a sink without room keeps nobody else's lanes from being given. Lanes whose head has
    /// waited longest come first. Nothing of a disabled sink is given: what waits there is held, as it is, until the sink
    /// is enabled again. Nothing is given only when there is nothing due that there is room for, or somebody
    /// else is claiming it.
    async fn claim(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>>;

    /// Settles claimed deliveries, all in one step. Those that are not there any more are passed over.
    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()>;

    /// Gives claimed deliveries back as they were.
    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()>;

    /// Gives back all claims, for a start after a crash. Says how many there were.
    async fn release_all(&self) -> Result<u64>;

    /// When the next unclaimed delivery at the head of a lane that there is room for is due, if there is any. Disabled
    /// sinks do not count.
    async fn next_due(&self, room: &Room) -> Result<Option<Timestamp>>;
}
