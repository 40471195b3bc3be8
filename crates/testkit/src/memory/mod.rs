//! Every storage port over one state behind a lock: each call is one step.

mod accounts;
mod deliveries;
mod events;
mod instances;
mod ledger;
mod media;
mod messages;
mod metrics;
mod pages;
mod retention;
mod webhooks;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use wharf_domain::{
    Error, Resource, Result, Timestamp,
    account::{Account, AccountId},
    delivery::{DeliveryId, SinkRef},
    event::{Event, EventId, EventKey, Lane},
    instance::{Instance, InstanceId},
    media::MediaProgress,
    message::{MessageId, StoredMessage},
    ports::PageTicket,
    token::{Principal, Token},
    webhook::{Webhook, WebhookId},
};

/// All storage ports at once, in memory.
#[derive(Debug, Default)]
pub struct InMemoryStore {
    state: Mutex<State>,
    is_failing: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<AccountId, Account>,
    tokens: Vec<(Token, Principal)>,
    instances: BTreeMap<InstanceId, Instance>,
    webhooks: HashMap<WebhookId, (InstanceId, Webhook)>,
    messages: Vec<(InstanceId, StoredMessage)>,
    idempotency: HashMap<(InstanceId, String), IdempotencyKey>,
    events: Vec<Event>,
    event_keys: HashMap<(InstanceId, EventKey), EventId>,
    last_sequence: i64,
    /// The last sequence of each instance.
    ends: HashMap<InstanceId, i64>,
    deliveries: BTreeMap<DeliveryId, DeliveryRow>,
    media_jobs: HashMap<EventId, MediaJobRow>,
    page_tickets: Vec<PageTicket>,
}

#[derive(Debug)]
struct IdempotencyKey {
    fingerprint: [u8; 32],
    message: MessageId,
    used_at: Timestamp,
}

#[derive(Clone, Debug)]
struct DeliveryRow {
    sink: SinkRef,
    lane: Lane,
    sequence: i64,
    event: EventId,
    attempts: u32,
    waited: Duration,
    due: Timestamp,
    progress: Progress,
    last_status: Option<u16>,
    last_error: Option<String>,
}

impl DeliveryRow {
    /// Whether it is still to be delivered.
    fn is_open(&self) -> bool {
        self.progress == Progress::Waiting
    }
}

#[derive(Debug)]
struct MediaJobRow {
    due: Timestamp,
    attempts: u32,
    is_claimed: bool,
    progress: MediaProgress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Delivered,
    Dead,
}

impl InMemoryStore {
    /// From now on every call fails as a broken database would, or works again.
    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }

    /// The log of an instance.
    #[must_use]
    pub fn events(&self, instance: InstanceId) -> Vec<Event> {
        let state = self.lock();
        state.events.iter().filter(|event| event.instance == instance).cloned().collect()
    }

    /// The messages of an instance, in the order they were first written.
    #[must_use]
    pub fn messages(&self, instance: InstanceId) -> Vec<StoredMessage> {
        let state = self.lock();
        let own = state.messages.iter().filter(|(owner, _)| *owner == instance);
        own.map(|(_, stored)| stored.clone()).collect()
    }

    /// How many deliveries wait.
    #[must_use]
    pub fn undelivered(&self) -> usize {
        let state = self.lock();
        state.deliveries.values().filter(|row| row.is_open()).count()
    }

    /// The events of the dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<EventId> {
        let state = self.lock();
        let dead = state.deliveries.values().filter(|row| row.progress == Progress::Dead);
        dead.map(|row| row.event).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no step panics")
    }

    /// The state, unless the store is to fail.
    fn step(&self) -> Result<MutexGuard<'_, State>> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(Error::unavailable("database", "the in-memory store was told to fail"));
        }
        Ok(self.lock())
    }
}

impl State {
    fn is_token_taken(&self, token: &Token) -> bool {
        self.tokens.iter().any(|(taken, _)| taken == token)
    }

    fn known_instance(&self, id: InstanceId) -> Result<()> {
        self.instances.contains_key(&id).then_some(()).ok_or(Error::NotFound(Resource::Instance))
    }

    fn remove_instance(&mut self, id: InstanceId) -> bool {
        if self.instances.remove(&id).is_none() {
            return false;
        }
        let State { webhooks, deliveries, events, media_jobs, .. } = self;
        deliveries.retain(|_, row| {
            !events.iter().any(|event| event.id == row.event && event.instance == id)
        });
        webhooks.retain(|_, (owner, _)| *owner != id);
        events.retain(|event| event.instance != id);
        media_jobs.retain(|job, _| events.iter().any(|event| event.id == *job));
        self.tokens.retain(
            |(_, principal)| !matches!(principal, Principal::Instance { instance, .. } if *instance == id),
        );
        self.messages.retain(|(owner, _)| *owner != id);
        self.page_tickets.retain(|ticket| ticket.instance != id);
        self.idempotency.retain(|(owner, _), _| *owner != id);
        self.event_keys.retain(|(owner, _), _| *owner != id);
        self.ends.remove(&id);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Stores;

    fn in_memory() -> std::future::Ready<Stores> {
        std::future::ready(Stores::of(Arc::new(InMemoryStore::default())))
    }

    crate::account_store_contract!(in_memory);
    crate::instance_store_contract!(in_memory);
    crate::webhook_store_contract!(in_memory);
    crate::message_store_contract!(in_memory);
    crate::message_history_contract!(in_memory);
    crate::event_log_contract!(in_memory);
    crate::event_reading_contract!(in_memory);
    crate::event_retention_contract!(in_memory);
    crate::delivery_queue_contract!(in_memory);
    crate::delivery_ledger_contract!(in_memory);

    crate::media_jobs_contract!(in_memory);
    crate::media_shares_contract!(in_memory);
    crate::page_access_contract!(in_memory);
}
