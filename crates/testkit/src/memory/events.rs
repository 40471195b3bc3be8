use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{DeliveryId, SinkRef},
    event::{Event, EventBody, NewEvent, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{Direction, Message, MessageStatus, StoredMessage},
    ports::{Appended, EventLog},
};

use super::{DeliveryRow, InMemoryStore, Progress, State};

impl State {
    fn append(&mut self, instance: InstanceId, new: &NewEvent) -> Appended {
        if let Some(key) = &new.key {
            if let Some(id) = self.event_keys.get(&(instance, key.clone())) {
                return Appended { id: *id, is_new: false };
            }
            self.event_keys.insert((instance, key.clone()), new.id);
        }
        match &new.body {
            EventBody::Message(message) => self.store_message(instance, message, new),
            EventBody::Receipt(receipt) => self.take_receipt(instance, receipt),
            _ => {}
        }
        self.last_sequence += 1;
        let event = Event {
            id: new.id,
            instance,
            sequence: self.last_sequence,
            recorded_at: new.recorded_at,
            body: new.body.clone(),
        };
        let due = self.begin_media(&event, new.media_until).unwrap_or(event.recorded_at);
        self.enqueue(&event, due);
        self.events.push(event);
        Appended { id: new.id, is_new: true }
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

    fn enqueue(&mut self, event: &Event, due: Timestamp) {
        let kind = event.body.kind();
        let wants = |target: &wharf_domain::webhook::WebhookTarget| target.events.wants(kind);
        let sinks: Vec<_> = self
            .webhooks_of(event.instance)
            .filter(|webhook| webhook.target.as_ref().is_some_and(wants))
            .map(|webhook| SinkRef::Webhook(webhook.id))
            .collect();
        for sink in sinks {
            let row = DeliveryRow {
                sink,
                lane: event.body.lane(),
                sequence: event.sequence,
                event: event.id,
                attempts: 0,
                due,
                progress: Progress::Waiting,
            };
            self.deliveries.insert(DeliveryId(crate::build::uuid()), row);
        }
    }
}

#[async_trait]
impl EventLog for InMemoryStore {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        Ok(events.iter().map(|event| state.append(instance, event)).collect())
    }
}
