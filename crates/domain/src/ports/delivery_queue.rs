use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkLane, SinkRef},
};

/// A receiver that several sinks may lead to, by a number that whoever makes deliveries gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiverId(pub u64);

/// How much whoever makes deliveries can take on at once.
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
    /// How many lanes of all sinks together that lead to one receiver, unless [`Room::busy`] says otherwise.
    pub per_receiver: usize,
    /// How many lanes of receivers for which there is less room.
    pub busy: HashMap<ReceiverId, usize>,
    /// Which receiver a sink leads to, as far as that is known; the others have no limit but their own.
    pub receivers: Arc<HashMap<SinkRef, ReceiverId>>,
    /// The lanes that are served already: nothing of them is asked for.
    pub served: HashSet<SinkLane>,
}

impl Room {
    /// For so many lanes, whatever their sinks.
    #[must_use]
    pub fn of(lanes: usize, per_lane: usize) -> Self {
        Self {
            lanes,
            per_sink: lanes,
            per_lane,
            sinks: HashMap::new(),
            per_receiver: lanes,
            busy: HashMap::new(),
            receivers: Arc::default(),
            served: HashSet::new(),
        }
    }

    /// How many lanes of that sink there is room for, when nothing else is taken.
    #[must_use]
    pub fn for_sink(&self, sink: SinkRef) -> usize {
        if self.per_lane == 0 {
            return 0;
        }
        let own = self.sinks.get(&sink).copied().unwrap_or(self.per_sink);
        let receiver = self.receivers.get(&sink).map_or(self.lanes, |id| self.for_receiver(*id));
        own.min(receiver).min(self.lanes)
    }

    fn for_receiver(&self, receiver: ReceiverId) -> usize {
        self.busy.get(&receiver).copied().unwrap_or(self.per_receiver)
    }

    /// Places for lanes, to be taken one by one.
    #[must_use]
    pub fn seats(&self) -> Seats<'_> {
        Seats { room: self, taken: 0, sinks: HashMap::new(), receivers: HashMap::new() }
    }
}

/// The places of a [`Room`] and how many of them are taken.
#[derive(Debug)]
pub struct Seats<'a> {
    room: &'a Room,
    taken: usize,
    sinks: HashMap<SinkRef, usize>,
    receivers: HashMap<ReceiverId, usize>,
}

impl Seats<'_> {
    /// Takes a place for a lane of that sink. False when there is none for it, and nothing was taken.
    pub fn take(&mut self, sink: SinkRef) -> bool {
        let of_sink = self.sinks.get(&sink).copied().unwrap_or_default();
        if self.is_full() || of_sink >= self.room.for_sink(sink) {
            return false;
        }
        if let Some(receiver) = self.room.receivers.get(&sink) {
            let of_receiver = self.receivers.entry(*receiver).or_default();
            if *of_receiver >= self.room.for_receiver(*receiver) {
                return false;
            }
            *of_receiver += 1;
        }
        self.sinks.insert(sink, of_sink + 1);
        self.taken += 1;
        true
    }

    /// Whether there is no place left, whatever the sink.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.taken >= self.room.lanes
    }
}

/// The deliveries that wait, in lanes.
///
/// Who serves which lane is not in the queue: one gateway makes an instance's deliveries, and what it had begun when it
/// crashed simply waits, as it did before.
///
/// An implementation is right when it passes `wharf_testkit::delivery_queue_contract!`.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Deliveries that are due.
    ///
    /// Of a sink's lane only a run from its head is given, in order, at most as long as the room says; a lane that is
    /// served, or whose head is not yet due, gives nothing. Never more lanes than there is room for, in all, of each sink
    /// and of each receiver: one without room keeps nobody else's lanes from being given. Lanes whose head has waited
    /// longest come first. Nothing of a disabled sink is given: what waits there is held, as it is, until the sink is
    /// enabled again. Nothing is given only when there is nothing due that there is room for.
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>>;

    /// Settles deliveries, all in one step, and says in which of their lanes something waits now, due or not. Those that
    /// are not waiting any more are passed over.
    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>>;

    /// When the first head of each enabled sink is due, of the lanes that are not `served`. A sink of which nothing else
    /// waits is not there.
    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>>;
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::webhook::WebhookId;

    fn sink(number: u128) -> SinkRef {
        SinkRef::Webhook(WebhookId(Uuid::from_u128(number)))
    }

    #[test]
    fn seats_are_limited_in_all_by_sink_and_by_receiver() {
        let receivers = Arc::new(HashMap::from([
            (sink(1), ReceiverId(1)),
            (sink(2), ReceiverId(1)),
            (sink(3), ReceiverId(2)),
        ]));
        let busy = HashMap::from([(ReceiverId(2), 0)]);
        let room = Room { per_sink: 2, per_receiver: 3, busy, receivers, ..Room::of(5, 1) };
        assert_eq!(room.for_sink(sink(3)), 0);
        let mut seats = room.seats();
        let taken: Vec<_> = [1, 1, 1, 2, 2, 3, 4, 4]
            .into_iter()
            .filter(|number| seats.take(sink(*number)))
            .collect();
        assert_eq!(taken, [1, 1, 2, 4, 4]);
        assert!(seats.is_full());
        assert!(!seats.take(sink(5)));
    }
}
