use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkLane, SinkRef},
    event::Lane,
    ports::{DeliveryQueue, Room},
};

use super::{DeliveryRow, InMemoryStore, Progress, State};

/// What waits in a sink's lane, in order.
type Line<'a> = Vec<(DeliveryId, &'a DeliveryRow)>;

impl DeliveryRow {
    pub(super) fn sink_lane(&self) -> SinkLane {
        SinkLane { sink: self.sink, lane: self.lane.clone() }
    }
}

impl State {
    /// The lanes of enabled sinks, by how long their head has waited.
    fn open_lanes(&self) -> Vec<Line<'_>> {
        let mut lanes: BTreeMap<(SinkRef, &Lane), Line<'_>> = BTreeMap::new();
        for (id, row) in &self.deliveries {
            if row.is_open() && self.is_enabled(row.sink) {
                lanes.entry((row.sink, &row.lane)).or_default().push((*id, row));
            }
        }
        let mut open: Vec<_> = lanes.into_values().collect();
        for line in &mut open {
            line.sort_by_key(|(_, row)| row.sequence);
        }
        open.sort_by_key(|line| line.first().map(|(_, head)| (head.due, head.sequence)));
        open
    }

    /// What is to be tried again of an enabled sink has been due since it was recorded.
    pub(super) fn hasten(&mut self, sink: SinkRef) {
        let heads = self.open_lanes().into_iter().filter_map(|line| line.first().copied());
        let tried = heads.filter(|(_, head)| head.sink == sink && head.attempts > 0);
        let recorded = tried.filter_map(|(id, head)| {
            let event = self.events.iter().find(|event| event.id == head.event)?;
            Some((id, event.recorded_at))
        });
        for (id, recorded_at) in recorded.collect::<Vec<_>>() {
            if let Some(row) = self.deliveries.get_mut(&id) {
                row.due = recorded_at;
            }
        }
    }

    /// Gives the lane of what is settled.
    fn settle(&mut self, id: DeliveryId, settlement: &Settlement) -> Option<SinkLane> {
        let row = self.deliveries.get_mut(&id)?;
        if !row.is_open() {
            return None;
        }
        let lane = row.sink_lane();
        match settlement {
            Settlement::Dropped => {
                self.deliveries.remove(&id);
            }
            Settlement::Postponed { due } => row.due = *due,
            Settlement::Delivered { status } => {
                row.progress = Progress::Delivered;
                row.tried(*status, None);
            }
            Settlement::Retry { due, pause, status, reason } => {
                row.due = *due;
                row.waited += *pause;
                row.tried(*status, Some(reason));
            }
            Settlement::Dead { status, reason } => {
                row.progress = Progress::Dead;
                row.tried(*status, Some(reason));
            }
        }
        Some(lane)
    }
}

impl DeliveryRow {
    fn tried(&mut self, status: Option<u16>, error: Option<&String>) {
        self.attempts += 1;
        self.last_status = status;
        self.last_error = error.cloned();
    }
}

#[async_trait]
impl DeliveryQueue for InMemoryStore {
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        let state = self.step()?;
        let mut seats = room.seats();
        let mut given = Vec::new();
        for line in state.open_lanes() {
            let head = line[0].1;
            if head.due > now || room.served.contains(&head.sink_lane()) || !seats.take(head.sink) {
                continue;
            }
            let due = line.into_iter().take(room.per_lane).take_while(|(_, row)| row.due <= now);
            given.extend(due.map(|(id, row)| {
                let event = state.events.iter().find(|event| event.id == row.event);
                Delivery {
                    id,
                    sink: row.sink,
                    lane: row.lane.clone(),
                    attempts: row.attempts,
                    waited: row.waited,
                    event: event.expect("an event outlives its deliveries").clone(),
                }
            }));
        }
        Ok(given)
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>> {
        let mut state = self.step()?;
        let settled = settlements.iter().filter_map(|(id, one)| state.settle(*id, one));
        let mut lanes: HashSet<SinkLane> = settled.collect();
        let open = state.deliveries.values().filter(|row| row.is_open());
        let waiting: HashSet<_> = open.map(DeliveryRow::sink_lane).collect();
        lanes.retain(|lane| waiting.contains(lane));
        Ok(lanes.into_iter().collect())
    }

    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>> {
        let state = self.step()?;
        let mut heads = BTreeMap::new();
        for line in state.open_lanes() {
            let head = line[0].1;
            if !served.contains(&head.sink_lane()) {
                // The first is the one that has waited longest.
                heads.entry(head.sink).or_insert(head.due);
            }
        }
        Ok(heads.into_iter().collect())
    }
}
