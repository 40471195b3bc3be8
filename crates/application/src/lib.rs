#![doc = include_str!("../README.md")]

pub mod access;
pub mod accounts;
mod backoff;
mod call_replies;
pub mod connections;
pub mod cors;
pub mod deliverer;
pub mod deliveries;
pub mod figures;
pub mod health;
mod hidden;
mod ids;
pub mod instances;
pub mod live;
pub mod log;
pub mod media;
pub mod messages;
pub mod metrics;
pub mod pages;
pub mod recorder;
pub mod retention;
pub mod sessions;
pub mod webhooks;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wharf_domain::ports::{
    AccountStore, Clock, DeliveryLedger, DeliveryQueue, EventLog, EventSink, HealthCheck,
    InstanceStore, MediaFetcher, MediaJobs, MediaStore, MediaTools, MessageStore, Meter,
    PageAccess, Random, WebhookStore, WhatsApp,
};

use crate::{
    access::AccessService,
    accounts::AccountService,
    call_replies::CallReplies,
    connections::ConnectionService,
    cors::CorsService,
    deliverer::{Changes, Deliverer, DeliveryConfig, RetryPolicy},
    deliveries::DeliveryService,
    figures::FigureService,
    health::HealthService,
    hidden::Hidden,
    instances::InstanceService,
    live::LiveService,
    log::LogService,
    media::{Copies, MediaConfig, MediaService, MediaWorker, Reader, Room},
    messages::MessageService,
    metrics::MetricsService,
    pages::PageService,
    recorder::Recorder,
    retention::{Retention, RetentionPolicy},
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
    /// What became of deliveries.
    pub ledger: Arc<dyn DeliveryLedger>,
    /// What media waits to be brought into buckets.
    pub media_jobs: Arc<dyn MediaJobs>,
    /// The buckets.
    pub media_store: Arc<dyn MediaStore>,
    /// What looks into media.
    pub media_tools: Arc<dyn MediaTools>,
    /// What fetches media from callers' URLs.
    pub media_fetcher: Arc<dyn MediaFetcher>,
    /// Tickets to pairing pages.
    pub page_access: Arc<dyn PageAccess>,
    /// The sink of webhooks.
    pub webhook_sink: Arc<dyn EventSink>,
    /// WhatsApp.
    pub whatsapp: Arc<dyn WhatsApp>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What takes the measure of all this.
    pub meter: Arc<dyn Meter>,
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
    /// How deliveries are carried.
    pub deliveries: DeliveryConfig,
    /// How much media may be taken on.
    pub media: MediaConfig,
    /// How long what has happened is kept.
    pub event_retention: RetentionPolicy,
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
    /// What became of deliveries.
    pub deliveries: DeliveryService,
    /// The event log.
    pub log: LogService,
    /// Events as they happen.
    pub live: LiveService,
    /// Received media.
    pub media: MediaService,
    /// Figures.
    pub metrics: MetricsService,
    /// How things stand in the whole gateway.
    pub figures: FigureService,
    /// Tickets to pairing pages.
    pub pages: PageService,
    /// Which web pages may call.
    pub cors: CorsService,
    /// Health.
    pub health: HealthService,
    media_config: MediaConfig,
    media_worker: MediaWorker,
    call_replies: CallReplies,
    sessions: Sessions,
    deliverer: Deliverer,
    retention: Retention,
    closing: CancellationToken,
}

impl Services {
    /// Puts the use cases together. Nothing runs before [`Services::start`].
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime. What callers set off runs on this one, also when they call from another.
    #[must_use]
    pub fn new(ports: &Ports, config: ApplicationConfig) -> Self {
        let recorder = Recorder::new(ports, config.media.hold);
        let (replies, waiting) = call_replies::channel();
        let sessions = Sessions::new(ports, recorder.clone(), replies, config.sessions);
        // Two rooms: what is sent must not keep what is received from being delivered.
        let half = || Room::of(config.media.memory / 2);
        let reader = Reader::new(ports, sessions.clone(), half(), &config.media);
        let closing = CancellationToken::new();
        let copies = Copies::new(ports, reader.clone(), config.media.hold, closing.clone());
        let access = AccessService::new(ports.accounts.clone(), ports.instances.clone());
        let hidden = Hidden::new(ports.whatsapp.clone(), ports.clock.clone());
        let changes = Changes::new(ports, recorder.clone(), &config.deliveries);
        let messages = MessageService::new(
            ports,
            recorder.clone(),
            hidden.clone(),
            sessions.clone(),
            half(),
            &config.media,
        );
        let media_worker =
            MediaWorker::new(ports, recorder.clone(), sessions.clone(), &config.media);
        let live = LiveService::new(
            ports,
            hidden.clone(),
            copies.clone(),
            config.media.memory / 2,
            recorder.live().clone(),
        );
        let deliverer = Deliverer::new(
            ports,
            &changes,
            recorder.clone(),
            hidden.clone(),
            copies.clone(),
            config.retry,
            &config.deliveries,
        );
        Self {
            accounts: AccountService::new(ports, config.default_quota),
            instances: InstanceService::new(ports, sessions.clone(), changes.clone()),
            connections: ConnectionService::new(sessions.clone(), ports.clock.clone()),
            webhooks: WebhookService::new(ports, changes.clone()),
            deliveries: DeliveryService::new(ports, recorder, changes, sessions.clone()),
            log: LogService::new(ports, hidden),
            live,
            media: MediaService::new(ports, reader, copies),
            metrics: MetricsService::new(ports, access.clone()),
            figures: FigureService::new(ports, sessions.clone()),
            pages: PageService::new(ports),
            cors: CorsService::new(ports.accounts.clone()),
            health: HealthService::new(ports),
            media_config: config.media,
            media_worker,
            call_replies: CallReplies::new(messages.clone(), ports.instances.clone(), waiting),
            deliverer,
            retention: Retention::new(ports, config.event_retention),
            access,
            messages,
            sessions,
            closing,
        }
    }

    /// How much media may be taken on.
    #[must_use]
    pub fn media_config(&self) -> &MediaConfig {
        &self.media_config
    }

    /// Starts what runs by itself: deliveries, the fetching of media, housekeeping, and the sessions of all paired instances.
    pub async fn start(&self) -> wharf_domain::Result<()> {
        self.deliverer.start();
        self.media_worker.start().await?;
        self.call_replies.start();
        self.retention.start();
        self.sessions.start().await
    }

    /// Takes on no more work of its own: deliveries that are under way go on, nothing more is begun or removed. Returns
    /// at once; [`Services::stop`] follows.
    pub fn hold(&self) {
        self.deliverer.hold();
        self.retention.hold();
    }

    /// Stops all of it in order: sessions first, so that nothing new is recorded, then deliveries, of which those under way
    /// are finished as far as their time goes. What was not delivered waits for the next start.
    pub async fn stop(&self) {
        self.hold();
        self.sessions.stop().await;
        self.closing.cancel();
        self.live.stop().await;
        self.call_replies.stop().await;
        self.media_worker.stop().await;
        self.retention.stop().await;
        self.deliverer.stop().await;
    }
}
