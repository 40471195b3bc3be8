use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{DeliveryId, SinkRef},
    event::{Event, EventBody, EventId, Lane, NewEvent, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{Direction, Message, MessageStatus, StoredMessage},
    ports::{Appended, EventLog, EventRetention, LogStart, Pruned, Queued, QueuedDelivery},
};

use super::{DeliveryRow, InMemoryStore, Progress, State};

impl State {
    fn append(&mut self, instance: InstanceId, new: &NewEvent) -> Appended {
        if let Some(key) = &new.key {
            if let Some(id) = self.event_keys.get(&(instance, key.clone())) {
                return Appended { id: *id, is_new: false, queued: None };
            }
            self.event_keys.insert((instance, key.clone()), new.id);
        }
        match &new.body {
            EventBody::Message(message) => self.store_message(instance, message, new),
            EventBody::Receipt(receipt) => self.take_receipt(instance, receipt),
            _ => {}
        }
        self.last_sequence += 1;
        self.ends.insert(instance, self.last_sequence);
        let event = Event {
            id: new.id,
            instance,
            sequence: self.last_sequence,
            recorded_at: new.recorded_at,
            body: new.body.clone(),
        };
        let due = self.begin_media(&event, new.media_until).unwrap_or(event.recorded_at);
        let mut deliveries = self.enqueue(&event, due);
        if due > event.recorded_at {
            deliveries.clear();
        }
        let queued = Some(Queued { sequence: event.sequence, deliveries });
        self.events.push(event);
        Appended { id: new.id, is_new: true, queued }
    }

    fn store_message(&mut self, instance: InstanceId, message: &Message, new: &NewEvent) {
        let status = match message.direction {
            Direction::Incoming => MessageStatus::Delivered,
            Direction::Outgoing => MessageStatus::Sent,
        };
        if let Some(stored) = self.same_message(instance, message) {
            stored.message = message.clone();
            stored.raw = stored.raw.take().or(new.raw.clone());
            if status > stored.status {
                stored.status = status;
                stored.failure = None;
            }
            return;
        }
        let stored =
            StoredMessage { message: message.clone(), status, failure: None, raw: new.raw.clone() };
        self.messages.push((instance, stored));
    }

    fn take_receipt(&mut self, instance: InstanceId, receipt: &Receipt) {
        let status = match receipt.kind {
            ReceiptKind::Delivered | ReceiptKind::Inactive => MessageStatus::Delivered,
            ReceiptKind::Read => MessageStatus::Read,
            ReceiptKind::Played => MessageStatus::Played,
            ReceiptKind::Sender
            | ReceiptKind::ReadSelf
            | ReceiptKind::PlayedSelf
            | ReceiptKind::Retry
            | ReceiptKind::ServerError => return,
        };
        for id in &receipt.message_ids {
            for stored in self.sent_by_us(instance, id) {
                if status > stored.status {
                    stored.status = status;
                    stored.failure = None;
                }
            }
        }
    }

    fn enqueue(&mut self, event: &Event, due: Timestamp) -> Vec<QueuedDelivery> {
        let kind = event.body.kind();
        let wants = |target: &wharf_domain::webhook::WebhookTarget| target.events.wants(kind);
        let sinks: Vec<_> = self
            .webhooks_of(event.instance)
            .filter(|webhook| webhook.target.as_ref().is_some_and(wants))
            .map(|webhook| SinkRef::Webhook(webhook.id))
            .collect();
        let mut queued = Vec::new();
        for sink in sinks {
            let (id, row) =
                (delivery_id(event.id, sink), waiting(event, sink, event.body.lane(), due));
            let lane = row.sink_lane();
            let before =
                self.deliveries.values().filter(|row| row.is_open() && row.sink_lane() == lane);
            let after = before.map(|row| row.sequence).max();
            queued.push(QueuedDelivery { id, sink, after });
            self.deliveries.insert(id, row);
        }
        queued
    }

    fn place(&self, instance: InstanceId, from: LogStart) -> Box<dyn Fn(&Event) -> bool> {
        match from {
            LogStart::Oldest => Box::new(|_| true),
            LogStart::AfterSequence(place) => Box::new(move |event| event.sequence > place),
            LogStart::Since(since) => Box::new(move |event| event.recorded_at >= since),
            LogStart::AfterEvent(id) => {
                let known = |event: &&Event| event.instance == instance && event.id == id;
                match self.events.iter().find(known).map(|event| event.sequence) {
                    Some(place) => Box::new(move |event| event.sequence > place),
                    None => self.place(instance, LogStart::Since(id.moment())),
                }
            }
        }
    }
}

/// The same for the same event and sink, and in the order of events.
pub(super) fn delivery_id(event: EventId, sink: SinkRef) -> DeliveryId {
    let mut hasher = DefaultHasher::new();
    (event, sink).hash(&mut hasher);
    let mut bytes = *event.0.as_bytes();
    bytes[8..].copy_from_slice(&hasher.finish().to_be_bytes());
    DeliveryId(uuid::Uuid::from_bytes(bytes))
}

/// A delivery that was never tried.
pub(super) fn waiting(event: &Event, sink: SinkRef, lane: Lane, due: Timestamp) -> DeliveryRow {
    DeliveryRow {
        sink,
        lane,
        sequence: event.sequence,
        event: event.id,
        attempts: 0,
        waited: Duration::ZERO,
        due,
        progress: Progress::Waiting,
        last_status: None,
        last_error: None,
    }
}

#[async_trait]
impl EventLog for InMemoryStore {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        Ok(events.iter().map(|event| state.append(instance, event)).collect())
    }

    async fn read(&self, instance: InstanceId, from: LogStart, limit: usize) -> Result<Vec<Event>> {
        let state = self.step()?;
        let is_in = state.place(instance, from);
        let own = state.events.iter().filter(|event| event.instance == instance && is_in(event));
        Ok(own.take(limit).cloned().collect())
    }

    async fn end(&self, instance: InstanceId) -> Result<i64> {
        Ok(self.step()?.ends.get(&instance).copied().unwrap_or_default())
    }

    async fn prune(&self, keep: &EventRetention, limit: u64) -> Result<Pruned> {
        Ok(self.step()?.prune(keep, limit))
    }
}
