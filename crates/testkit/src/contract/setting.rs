//! The beginning that most clauses share: an account, an instance, a webhook.

use std::future::Future;

use tokio::task::JoinSet;
use wharf_domain::{
    account::AccountId,
    delivery::{Delivery, SinkRef},
    event::NewEvent,
    instance::{Instance, InstanceId},
    message::{Message, MessageId, StoredMessage},
    ports::{Appended, Room},
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
        self.append(instance, &[event]).await[0]
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

    /// Claims everything that is due a day later, whatever its lane.
    pub(super) async fn claim_all(&self) -> Vec<Delivery> {
        self.deliveries
            .claim(build::moment(86_400), &Room::of(10_000, 10_000))
            .await
            .expect("the queue works")
    }
}

/// The texts or other names of what deliveries carry, by sink and in order.
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
