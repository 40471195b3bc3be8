//! The beginning that most clauses share: an account, an instance, a webhook, and somebody who makes deliveries.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::Arc,
};

use tokio::{sync::Mutex, task::JoinSet};
use wharf_domain::{
    Timestamp,
    account::AccountId,
    delivery::{Delivery, DeliveryId, Settlement, SinkLane, SinkRef},
    event::{EventId, NewEvent},
    instance::{Instance, InstanceId},
    message::{Message, MessageId, StoredMessage},
    ports::{Appended, DeliveryQueue, Room},
    webhook::Webhook,
};

use crate::{Stores, build};

impl Stores {
    pub(super) async fn with_account(&self, name: &str) -> AccountId {
        let account = build::account(name);
        self.accounts.insert(&account, &build::token()).await.expect("a free name");
        account.id
    }

    pub(super) async fn with_instance(&self, name: &str) -> Instance {
        let account = self.with_account(&format!("owner-of-{name}")).await;
        let instance = build::instance(account, name);
        self.instances.insert(&instance, None).await.expect("a free name");
        instance
    }

    pub(super) async fn with_webhook(&self, instance: InstanceId, label: &str) -> Webhook {
        let webhook = build::webhook(label);
        self.webhooks
            .upsert(instance, &webhook, build::moment(0))
            .await
            .expect("room for a webhook")
    }

    pub(super) async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Vec<Appended> {
        self.events.append(instance, events).await.expect("the instance is there")
    }

    pub(super) async fn append_one(&self, instance: InstanceId, event: NewEvent) -> Appended {
        self.append(instance, &[event]).await.remove(0)
    }

    /// Writes a message as pending.
    pub(super) async fn reserve(&self, instance: InstanceId, message: &Message) {
        let draft = build::draft(message.clone());
        self.messages.reserve(instance, &draft, build::moment(0)).await.expect("a free id");
    }

    pub(super) async fn message(&self, instance: InstanceId, id: &MessageId) -> StoredMessage {
        let found = self.messages.find(instance, id).await.expect("the store works");
        found.expect("the message is stored")
    }

    /// What is due so many seconds after the start.
    pub(super) async fn due(&self, seconds: i64, room: &Room) -> Vec<Delivery> {
        self.deliveries.due(build::moment(seconds), room).await.expect("the queue works")
    }

    /// Everything that is due a day later, whatever its lane.
    pub(super) async fn all_due(&self) -> Vec<Delivery> {
        self.due(86_400, &Room::of(10_000, 10_000)).await
    }

    /// Gives the lanes in which something waits, sorted.
    pub(super) async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Vec<SinkLane> {
        let mut waiting = self.deliveries.settle(settlements).await.expect("the queue works");
        waiting.sort();
        waiting
    }

    /// The first head of each sink, sorted.
    pub(super) async fn heads(&self, served: &HashSet<SinkLane>) -> Vec<(SinkRef, Timestamp)> {
        let mut heads = self.deliveries.heads(served).await.expect("the queue works");
        heads.sort();
        heads
    }

    /// When the first head of all is due.
    pub(super) async fn first_head(&self) -> Option<Timestamp> {
        self.heads(&HashSet::new()).await.into_iter().map(|(_, due)| due).min()
    }
}

/// Makes deliveries as a gateway does: it serves the lanes of what it was given and has neither settled nor given back,
/// and asks for nothing of them. When several ask at once, each is given what nobody else has.
pub(super) struct Deliverer {
    queue: Arc<dyn DeliveryQueue>,
    under_way: Mutex<HashMap<DeliveryId, SinkLane>>,
}

impl Deliverer {
    pub(super) fn of(stores: &Stores) -> Self {
        Self { queue: stores.deliveries.clone(), under_way: Mutex::default() }
    }

    /// What is due of the lanes that are not served.
    pub(super) async fn take(&self, seconds: i64, room: &Room) -> Vec<Delivery> {
        let mut under_way = self.under_way.lock().await;
        let served = under_way.values().cloned().collect();
        let room = Room { served, ..room.clone() };
        let given = self.queue.due(build::moment(seconds), &room).await.expect("the queue works");
        under_way.extend(given.iter().map(|one| (one.id, one.sink_lane())));
        given
    }

    pub(super) async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) {
        self.queue.settle(settlements).await.expect("the queue works");
        let settled: Vec<_> = settlements.iter().map(|(id, _)| *id).collect();
        self.give_back(&settled).await;
    }

    pub(super) async fn give_back(&self, deliveries: &[DeliveryId]) {
        self.under_way.lock().await.retain(|id, _| !deliveries.contains(id));
    }

    /// When the first head of the lanes is due that are not served.
    pub(super) async fn first_head(&self) -> Option<Timestamp> {
        let served = self.under_way.lock().await.values().cloned().collect();
        let heads = self.queue.heads(&served).await.expect("the queue works");
        heads.into_iter().map(|(_, due)| due).min()
    }
}

/// An event in the lane of the chat with one of a few people, recorded so many seconds after the start.
pub(super) fn in_lane(person: u8, seconds: i64) -> NewEvent {
    let from = build::phone(&format!("55119999900{person:02}"));
    let recorded_at = build::moment(seconds);
    NewEvent { recorded_at, ..build::message_event(build::incoming(&from, "hi")) }
}

/// The events that are delivered, in order.
pub(super) fn events_of(deliveries: &[Delivery]) -> Vec<EventId> {
    deliveries.iter().map(|delivery| delivery.event.id).collect()
}

/// The deliveries to that webhook, in order.
pub(super) fn of_sink(deliveries: &[Delivery], webhook: &Webhook) -> Vec<Delivery> {
    let sink = SinkRef::Webhook(webhook.id);
    deliveries.iter().filter(|delivery| delivery.sink == sink).cloned().collect()
}

/// Runs `count` calls at once and gives what came of them.
pub(super) async fn at_once<F, T>(count: usize, mut call: impl FnMut(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut calls = JoinSet::new();
    for index in 0..count {
        calls.spawn(call(index));
    }
    calls.join_all().await
}
