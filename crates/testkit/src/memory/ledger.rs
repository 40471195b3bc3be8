use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{DeliveryId, DeliveryRecord, DeliveryState, Depth, Replay, SinkRef},
    event::{Event, Lane},
    instance::InstanceId,
    ports::{DeliveryFilter, DeliveryLedger, Requeued},
    webhook::{Webhook, WebhookId},
};

use super::{
    DeliveryRow, InMemoryStore, Progress, State,
    events::{delivery_id, waiting},
};

impl State {
    pub(super) fn is_enabled(&self, sink: SinkRef) -> bool {
        self.webhook_of(sink).is_some_and(|webhook| webhook.target.is_some())
    }

    fn webhook_of(&self, sink: SinkRef) -> Option<&Webhook> {
        let SinkRef::Webhook(id) = sink else { return None };
        self.webhooks.get(&id).map(|(_, webhook)| webhook)
    }

    fn event_of(&self, row: &DeliveryRow) -> Option<&Event> {
        self.events.iter().find(|event| event.id == row.event)
    }

    fn state_of(&self, row: &DeliveryRow) -> DeliveryState {
        match row.progress {
            Progress::Delivered => DeliveryState::Delivered,
            Progress::Dead => DeliveryState::Dead,
            Progress::Waiting if !self.is_enabled(row.sink) => DeliveryState::Held,
            Progress::Waiting => DeliveryState::Pending,
        }
    }

    fn record(&self, id: DeliveryId, row: &DeliveryRow) -> Option<DeliveryRecord> {
        let state = self.state_of(row);
        Some(DeliveryRecord {
            id,
            event: row.event,
            kind: self.event_of(row)?.body.kind(),
            label: self.webhook_of(row.sink)?.label.clone(),
            state,
            attempts: row.attempts,
            next_attempt_at: (state == DeliveryState::Pending).then_some(row.due),
            last_status: row.last_status,
            last_error: row.last_error.clone(),
        })
    }

    fn is_to_be_replayed(
        &self,
        event: &Event,
        webhook: &Webhook,
        replay: &Replay,
        now: Timestamp,
    ) -> bool {
        let row = self.deliveries.get(&delivery_id(event.id, SinkRef::Webhook(webhook.id)));
        if row.is_some_and(DeliveryRow::is_open) {
            return false;
        }
        let wants = webhook.target.as_ref().is_some_and(|it| it.events.wants(event.body.kind()));
        match replay {
            Replay::Events(_) => true,
            Replay::Dead(_) => row.is_some_and(|row| row.progress == Progress::Dead),
            Replay::Since(_) => wants && event.recorded_at <= now,
        }
    }

    /// The events a replay speaks of, in their order.
    fn spoken_of(&self, instance: InstanceId, replay: &Replay, from: i64) -> Vec<Event> {
        let is_spoken_of = |event: &&Event| {
            event.instance == instance
                && event.sequence > from
                && match replay {
                    Replay::Events(ids) => ids.contains(&event.id),
                    Replay::Dead(since) => since.is_none_or(|since| event.recorded_at >= since),
                    Replay::Since(since) => event.recorded_at >= *since,
                }
        };
        self.events.iter().filter(is_spoken_of).cloned().collect()
    }
}

#[async_trait]
impl DeliveryLedger for InMemoryStore {
    async fn list(
        &self,
        instance: InstanceId,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>> {
        let state = self.step()?;
        let own = state.deliveries.iter().filter(|(id, row)| {
            state.event_of(row).is_some_and(|event| event.instance == instance)
                && filter.after.is_none_or(|after| **id > after)
                && filter.webhook.is_none_or(|webhook| row.sink == SinkRef::Webhook(webhook))
                && filter.state.is_none_or(|wanted| state.state_of(row) == wanted)
        });
        Ok(own.take(limit).filter_map(|(id, row)| state.record(*id, row)).collect())
    }

    async fn requeue(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        replay: &Replay,
        from: i64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Requeued> {
        let mut state = self.step()?;
        let owned = state.webhooks.get(&webhook).filter(|(owner, _)| *owner == instance);
        let Some(webhook) = owned.map(|(_, webhook)| webhook.clone()) else {
            return Ok(Requeued { queued: 0, next: None });
        };
        let mut events = state.spoken_of(instance, replay, from);
        let is_last = events.len() <= limit;
        events.truncate(limit);
        let next = events.last().filter(|_| !is_last).map(|event| event.sequence);
        let sink = SinkRef::Webhook(webhook.id);
        let mut queued = 0;
        for event in events {
            if state.is_to_be_replayed(&event, &webhook, replay, now) {
                let row = waiting(&event, sink, Lane::of_replay(event.id), now);
                state.deliveries.insert(delivery_id(event.id, sink), row);
                queued += 1;
            }
        }
        Ok(Requeued { queued, next })
    }

    async fn discard(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        state: DeliveryState,
        limit: usize,
    ) -> Result<u64> {
        let mut rows = self.step()?;
        let owner = rows.webhooks.get(&webhook).map(|(owner, _)| *owner);
        if owner != Some(instance) || state == DeliveryState::Delivered {
            return Ok(0);
        }
        let goes = |row: &DeliveryRow| {
            row.sink == SinkRef::Webhook(webhook) && rows.state_of(row) == state
        };
        let gone: Vec<_> =
            rows.deliveries.iter().filter(|(_, row)| goes(row)).map(|(id, _)| *id).collect();
        let gone: Vec<_> = gone.into_iter().take(limit).collect();
        rows.deliveries.retain(|id, _| !gone.contains(id));
        Ok(gone.len() as u64)
    }

    async fn depths(&self) -> Result<Vec<Depth>> {
        let state = self.step()?;
        let states = [DeliveryState::Pending, DeliveryState::Dead, DeliveryState::Held];
        let depth = |wanted| {
            let rows = state.deliveries.values().filter(|row| state.state_of(row) == wanted);
            let recorded: Vec<_> =
                rows.filter_map(|row| state.event_of(row)).map(|event| event.recorded_at).collect();
            let oldest = recorded.iter().min().copied();
            Depth { state: wanted, count: recorded.len() as u64, oldest }
        };
        Ok(states.into_iter().map(depth).collect())
    }
}
