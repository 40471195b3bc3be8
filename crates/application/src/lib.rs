#![doc = include_str!("../README.md")]

pub mod access;
pub mod accounts;
mod backoff;
pub mod connections;
pub mod deliverer;
pub mod health;
mod ids;
pub mod instances;
pub mod messages;
pub mod recorder;
pub mod retention;
pub mod sessions;
pub mod webhooks;

use std::sync::Arc;

use wharf_domain::ports::{
    AccountStore, Clock, DeliveryQueue, EventLog, EventSink, HealthCheck, InstanceStore,
    MessageStore, Random, WebhookStore, WhatsApp,
};

use crate::{
    access::AccessService,
    accounts::AccountService,
    connections::ConnectionService,
    deliverer::{Deliverer, RetryPolicy},
    health::HealthService,
    instances::InstanceService,
    messages::MessageService,
    recorder::Recorder,
    retention::Retention,
    sessions::{Sessions, SessionsConfig},
    webhooks::WebhookService,
};

/// Everything the use cases need from outside.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and tokens.
    pub accounts: Arc<dyn AccountStore>,
    /// Instances.
    pub instances: Arc<dyn InstanceStore>,
    /// Webhooks.
    pub webhooks: Arc<dyn WebhookStore>,
    /// Messages.
    pub messages: Arc<dyn MessageStore>,
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// What waits to be delivered.
    pub queue: Arc<dyn DeliveryQueue>,
    /// The sink of webhooks.
    pub webhook_sink: Arc<dyn EventSink>,
    /// WhatsApp.
    pub whatsapp: Arc<dyn WhatsApp>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What the health answer speaks of.
    pub health: Vec<Arc<dyn HealthCheck>>,
}

/// How the use cases behave where a deployment may choose.
#[derive(Clone, Debug, Default)]
pub struct ApplicationConfig {
    /// The supervisors of sessions.
    pub sessions: SessionsConfig,
    /// How failed deliveries are tried again.
    pub retry: RetryPolicy,
    /// How long messages and delivered events are kept; `None` is for ever.
    pub message_retention: Option<std::time::Duration>,
    /// How many instances a new account may own unless it is said; `None` is unlimited.
    pub default_quota: Option<u32>,
}

/// The use cases, put together.
#[derive(Clone)]
pub struct Services {
    /// Who may do what.
    pub access: AccessService,
    /// Accounts.
    pub accounts: AccountService,
    /// Instances.
    pub instances: InstanceService,
    /// Links with WhatsApp.
    pub connections: ConnectionService,
    /// Messages.
    pub messages: MessageService,
    /// Webhooks.
    pub webhooks: WebhookService,
    /// Health.
    pub health: HealthService,
    sessions: Sessions,
    deliverer: Deliverer,
    retention: Retention,
}

impl Services {
    /// Puts the use cases together. Nothing runs before [`Services::start`].
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime. What callers set off runs on this one, also when they call from another.
    #[must_use]
    pub fn new(ports: &Ports, config: ApplicationConfig) -> Self {
        let recorder = Recorder::new(ports.log.clone(), ports.clock.clone(), ports.random.clone());
        let sessions = Sessions::new(ports, recorder.clone(), config.sessions);
        Self {
            access: AccessService::new(ports.accounts.clone(), ports.instances.clone()),
            accounts: AccountService::new(ports, config.default_quota),
            instances: InstanceService::new(ports, sessions.clone()),
            connections: ConnectionService::new(sessions.clone(), ports.clock.clone()),
            messages: MessageService::new(ports, recorder.clone(), sessions.clone()),
            webhooks: WebhookService::new(ports.webhooks.clone(), ports.random.clone()),
            health: HealthService::new(ports),
            deliverer: Deliverer::new(ports, recorder, config.retry),
            retention: Retention::new(ports, config.message_retention),
            sessions,
        }
    }

    /// Starts what runs by itself: deliveries, housekeeping, and the sessions of all paired instances.
    pub async fn start(&self) -> wharf_domain::Result<()> {
        self.deliverer.start().await?;
        self.retention.start();
        self.sessions.start().await
    }

    /// Stops all of it in order: sessions first, so that nothing new is recorded, then deliveries. What was not
    /// delivered waits for the next start.
    pub async fn stop(&self) {
        self.sessions.stop().await;
        self.retention.stop().await;
        self.deliverer.stop().await;
    }
}
