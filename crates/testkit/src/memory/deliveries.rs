use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkRef},
    event::Lane,
    ports::{DeliveryQueue, Room},
};

use super::{DeliveryRow, InMemoryStore, Progress, State};

/// What is alive of a sink's lane, in order.
type Line<'a> = Vec<(DeliveryId, &'a DeliveryRow)>;

impl State {
    /// The lanes of enabled sinks of which nothing is claimed, by how long their head has waited.
    fn open_lanes(&self) -> Vec<Line<'_>> {
        let mut lanes: BTreeMap<(SinkRef, &Lane), Line<'_>> = BTreeMap::new();
        for (id, row) in &self.deliveries {
            if row.is_open() && self.is_enabled(row.sink) {
                lanes.entry((row.sink, &row.lane)).or_default().push((*id, row));
            }
        }
        let mut open: Vec<_> = lanes.into_values().collect();
        open.retain(|line| line.iter().all(|(_, row)| row.progress == Progress::Waiting));
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

    fn give_back(&mut self, id: DeliveryId) {
        if let Some(row) = self.deliveries.get_mut(&id)
            && row.progress == Progress::Claimed
        {
            row.progress = Progress::Waiting;
        }
    }

    fn settle(&mut self, id: DeliveryId, settlement: &Settlement) {
        let Some(row) = self.deliveries.get_mut(&id) else { return };
        if row.progress != Progress::Claimed {
            return;
        }
        match settlement {
            Settlement::Dropped => {
                self.deliveries.remove(&id);
            }
            Settlement::Postponed { due } => {
                row.progress = Progress::Waiting;
                row.due = *due;
            }
            Settlement::Delivered { status } => {
                row.progress = Progress::Delivered;
                row.tried(*status, None);
            }
            Settlement::Retry { due, pause, status, reason } => {
                row.progress = Progress::Waiting;
                row.due = *due;
                row.waited += *pause;
                row.tried(*status, Some(reason));
            }
            Settlement::Dead { status, reason } => {
                row.progress = Progress::Dead;
                row.tried(*status, Some(reason));
            }
        }
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
    async fn claim(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        let mut state = self.step()?;
        let mut seats = room.seats();
        let claimed: Vec<DeliveryId> = state
            .open_lanes()
            .into_iter()
            .filter(|line| line.first().is_some_and(|(_, head)| head.due <= now))
            .filter(|line| seats.take(line[0].1.sink))
            .flat_map(|line| {
                let due =
                    line.into_iter().take(room.per_lane).take_while(move |(_, row)| row.due <= now);
                due.map(|(id, _)| id)
            })
            .collect();
        let mut deliveries = Vec::with_capacity(claimed.len());
        for id in claimed {
            let State { deliveries: rows, events, .. } = &mut *state;
            let row = rows.get_mut(&id).expect("it was there a moment ago");
            row.progress = Progress::Claimed;
            let event = events.iter().find(|event| event.id == row.event);
            deliveries.push(Delivery {
                id,
                sink: row.sink,
                lane: row.lane.clone(),
                attempts: row.attempts,
                waited: row.waited,
                event: event.expect("an event outlives its deliveries").clone(),
            });
        }
        Ok(deliveries)
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()> {
        let mut state = self.step()?;
        for (id, settlement) in settlements {
            state.settle(*id, settlement);
        }
        Ok(())
    }

    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()> {
        let mut state = self.step()?;
        for id in deliveries {
            state.give_back(*id);
        }
        Ok(())
    }

    async fn release_all(&self) -> Result<u64> {
        let mut state = self.step()?;
        let claimed = state.deliveries.iter().filter(|(_, row)| row.progress == Progress::Claimed);
        let claimed: Vec<_> = claimed.map(|(id, _)| *id).collect();
        for id in &claimed {
            state.give_back(*id);
        }
        Ok(claimed.len() as u64)
    }

    async fn next_due(&self, room: &Room) -> Result<Option<Timestamp>> {
        let state = self.step()?;
        let heads =
            state.open_lanes().into_iter().filter_map(|line| line.first().map(|(_, row)| *row));
        Ok(heads.filter(|head| room.for_sink(head.sink) > 0).map(|head| head.due).next())
    }
}
