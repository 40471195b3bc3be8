use std::{any::Any, sync::Arc};

use wharf_domain::ports::{
    AccountStore, DeliveryLedger, DeliveryQueue, EventLog, InstanceStore, MediaJobs, MessageStore,
    PageAccess, WebhookStore,
};

/// Every storage port over one and the same state, as the contracts need them.
#[derive(Clone)]
pub struct Stores {
    /// The accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// The instances.
    pub instances: Arc<dyn InstanceStore>,
    /// The webhooks.
    pub webhooks: Arc<dyn WebhookStore>,
    /// The messages.
    pub messages: Arc<dyn MessageStore>,
    /// The log.
    pub events: Arc<dyn EventLog>,
    /// The queue.
    pub deliveries: Arc<dyn DeliveryQueue>,
    /// The deliveries, for whoever looks after them.
    pub ledger: Arc<dyn DeliveryLedger>,
    /// The media on its way to buckets.
    pub media_jobs: Arc<dyn MediaJobs>,
    /// The tickets to pairing pages.
    pub pages: Arc<dyn PageAccess>,
    /// What has to live as long as they are used, such as a temporary directory.
    pub home: Arc<dyn Any + Send + Sync>,
}

impl Stores {
    /// The ports of something that is all of them.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: AccountStore
            + InstanceStore
            + WebhookStore
            + MessageStore
            + EventLog
            + DeliveryQueue
            + DeliveryLedger
            + MediaJobs
            + PageAccess
            + 'static,
    {
        Self {
            accounts: store.clone(),
            instances: store.clone(),
            webhooks: store.clone(),
            messages: store.clone(),
            events: store.clone(),
            deliveries: store.clone(),
            ledger: store.clone(),
            media_jobs: store.clone(),
            pages: store.clone(),
            home: store,
        }
    }
}
