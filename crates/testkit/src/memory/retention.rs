use wharf_domain::{
    Timestamp,
    delivery::DeliveryId,
    event::{Event, EventId},
    media::MediaProgress,
    ports::{EventRetention, Pruned},
};

use super::{Progress, State};

impl State {
    pub(super) fn prune(&mut self, keep: &EventRetention, limit: u64) -> Pruned {
        let mut pruned = Pruned::default();
        self.prune_dead(keep, limit, &mut pruned);
        self.prune_events(keep, limit, &mut pruned);
        pruned
    }

    fn prune_dead(&mut self, keep: &EventRetention, limit: u64, pruned: &mut Pruned) {
        while pruned.dead_letters < limit
            && let Some((id, event, recorded_at)) = self.oldest_dead()
        {
            let is_old = keep.dead_before.is_some_and(|before| recorded_at < before);
            let is_over = keep.dead_max_bytes.is_some_and(|most| self.dead_bytes() > most);
            if !(is_old || is_over) {
                return;
            }
            self.deliveries.remove(&id);
            pruned.dead_letters += 1;
            if self.is_settled(event) {
                self.remove_event(event);
                pruned.events += 1;
            }
        }
    }

    fn prune_events(&mut self, keep: &EventRetention, limit: u64, pruned: &mut Pruned) {
        let mut by_age: Vec<_> = self.events.iter().map(|one| (one.recorded_at, one.id)).collect();
        by_age.sort();
        let mut bytes: u64 = self.events.iter().map(size).sum();
        for (recorded_at, id) in by_age {
            let is_old = keep.before.is_some_and(|before| recorded_at < before);
            let is_over = keep.max_bytes.is_some_and(|most| bytes > most);
            if pruned.events >= limit || !(is_old || is_over) {
                return;
            }
            if self.is_settled(id) {
                bytes -= self.remove_event(id);
                pruned.events += 1;
            }
        }
    }

    fn oldest_dead(&self) -> Option<(DeliveryId, EventId, Timestamp)> {
        let dead = self.deliveries.iter().filter(|(_, row)| row.progress == Progress::Dead);
        let dead = dead.filter_map(|(id, row)| {
            let event = self.events.iter().find(|event| event.id == row.event)?;
            Some((*id, event.id, event.recorded_at))
        });
        dead.min_by_key(|(id, _, recorded_at)| (*recorded_at, *id))
    }

    /// Every dead letter counts with the body of its event.
    fn dead_bytes(&self) -> u64 {
        let dead = self.deliveries.values().filter(|row| row.progress == Progress::Dead);
        let events = dead.filter_map(|row| self.events.iter().find(|event| event.id == row.event));
        events.map(size).sum()
    }

    /// Whether nothing of an event is on its way, held or a dead letter.
    fn is_settled(&self, event: EventId) -> bool {
        let is_delivered = self
            .deliveries
            .values()
            .all(|row| row.event != event || row.progress == Progress::Delivered);
        let job = self.media_jobs.get(&event);
        is_delivered && !job.is_some_and(|job| matches!(job.progress, MediaProgress::Waiting(_)))
    }

    /// With its deliveries; says how large its body was.
    fn remove_event(&mut self, id: EventId) -> u64 {
        self.deliveries.retain(|_, row| row.event != id);
        self.event_keys.retain(|_, event| *event != id);
        self.media_jobs.remove(&id);
        let place = self.events.iter().position(|event| event.id == id);
        place.map(|place| size(&self.events.remove(place))).unwrap_or_default()
    }
}

/// About as many bytes as it takes to write the body down.
fn size(event: &Event) -> u64 {
    format!("{:?}", event.body).len() as u64
}
