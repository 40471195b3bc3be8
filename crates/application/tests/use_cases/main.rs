//! The use cases over in-memory ports: a WhatsApp that the test drives, and a clock that it winds.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod buckets;
mod calls;
mod deliveries;
mod figures;
mod files_along;
mod history;
mod links;
mod live;
mod logs;
mod media_sends;
mod observed;
mod pages;
mod pairing;
mod proxies;
mod retention;
mod sends;
mod settings;
mod tally;
mod webhooks;

use std::{sync::Arc, time::Duration};

use wharf_application::{
    ApplicationConfig, Ports, Services,
    instances::{CreateInstance, Wanted},
};
use wharf_domain::{
    account::AccountId,
    instance::{Instance, InstanceName, Profile},
    ports::{AccountStore, InstanceStore, NoMeter},
    settings::Settings,
    state::ConnectionState,
    token::Principal,
    webhook::WebhookTarget,
};
use wharf_testkit::{
    InMemoryFiles, InMemoryMediaStore, InMemorySession, InMemoryStore, InMemoryWhatsApp,
    ManualClock, RecordingSink, SequenceRandom, SimpleMediaTools, build,
};

struct World {
    store: Arc<InMemoryStore>,
    whatsapp: Arc<InMemoryWhatsApp>,
    clock: Arc<ManualClock>,
    sink: Arc<RecordingSink>,
    buckets: Arc<InMemoryMediaStore>,
    files: Arc<InMemoryFiles>,
    services: Services,
    account: AccountId,
}

impl World {
    async fn new() -> Self {
        Self::on(Arc::default(), Arc::default()).await
    }

    /// Over what an earlier world left, as after a restart.
    async fn on(store: Arc<InMemoryStore>, whatsapp: Arc<InMemoryWhatsApp>) -> Self {
        Self::with(store, whatsapp, |_| {}).await
    }

    /// The same with other ports where a test needs them.
    async fn with(
        store: Arc<InMemoryStore>,
        whatsapp: Arc<InMemoryWhatsApp>,
        change: impl FnOnce(&mut Ports),
    ) -> Self {
        Self::like(store, whatsapp, |ports, _| change(ports)).await
    }

    /// The same with another configuration, too.
    async fn like(
        store: Arc<InMemoryStore>,
        whatsapp: Arc<InMemoryWhatsApp>,
        change: impl FnOnce(&mut Ports, &mut ApplicationConfig),
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let sink = Arc::new(RecordingSink::default());
        let buckets = Arc::new(InMemoryMediaStore::default());
        let files = Arc::new(InMemoryFiles::default());
        let mut ports = Ports {
            accounts: store.clone(),
            instances: store.clone(),
            webhooks: store.clone(),
            messages: store.clone(),
            log: store.clone(),
            queue: store.clone(),
            ledger: store.clone(),
            media_jobs: store.clone(),
            media_store: buckets.clone(),
            media_tools: Arc::new(SimpleMediaTools),
            media_fetcher: files.clone(),
            page_access: store.clone(),
            webhook_sink: sink.clone(),
            whatsapp: whatsapp.clone(),
            clock: clock.clone(),
            random: Arc::new(SequenceRandom::default()),
            meter: Arc::new(NoMeter),
            health: Vec::new(),
        };
        let mut config = ApplicationConfig::default();
        change(&mut ports, &mut config);
        let services = Services::new(&ports, config);
        let known = AccountStore::list(&*store).await.unwrap();
        let account = if let Some(account) = known.first() {
            account.id
        } else {
            let account = build::account("agency");
            AccountStore::insert(&*store, &account, &build::token()).await.unwrap();
            account.id
        };
        Self { store, whatsapp, clock, sink, buckets, files, services, account }
    }

    async fn started() -> Self {
        let world = Self::new().await;
        world.services.start().await.unwrap();
        world
    }

    /// An instance with a webhook for all events.
    async fn instance(&self, name: &str) -> Instance {
        self.instance_like(wanted(name)).await
    }

    /// The same with its events going there.
    async fn instance_at(&self, name: &str, url: &str) -> Instance {
        let webhook = Some(build::target(url));
        self.instance_like(CreateInstance { webhook, ..wanted(name) }).await
    }

    async fn instance_like(&self, wanted: CreateInstance) -> Instance {
        self.services.instances.create(self.account, wanted).await.unwrap().instance
    }

    /// The same, paired and connected.
    async fn connected(&self, name: &str) -> (Instance, InMemorySession) {
        self.connected_like(wanted(name)).await
    }

    async fn connected_like(&self, wanted: CreateInstance) -> (Instance, InMemorySession) {
        let instance = self.instance_like(wanted).await;
        self.services.connections.connect(&instance, None, None).await.unwrap();
        let session = self.whatsapp.until_session(instance.id).await;
        session.scan(ana());
        self.until(&instance, ConnectionState::Connected).await;
        (self.reload(&instance).await, session)
    }

    async fn reload(&self, instance: &Instance) -> Instance {
        InstanceStore::find_by_id(&*self.store, instance.id).await.unwrap().unwrap()
    }

    async fn state(&self, instance: &Instance) -> ConnectionState {
        let caller = Principal::Account(self.account);
        let wanted = Wanted::One(instance.name.clone());
        let listed = self.services.instances.list(caller, &wanted).await.unwrap();
        listed[0].state
    }

    async fn is_online(&self, instance: &Instance) -> bool {
        let caller = Principal::Account(self.account);
        let wanted = Wanted::One(instance.name.clone());
        self.services.instances.list(caller, &wanted).await.unwrap()[0].is_online
    }

    /// Lets everything run until the instance is shown as online, or as not.
    async fn until_online(&self, instance: &Instance, wanted: bool) {
        for _ in 0..10_000 {
            if self.is_online(instance).await == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} is never shown as online = {wanted}", instance.name);
    }

    /// Lets everything run until the instance is in that state. Fails the test when it never is.
    async fn until(&self, instance: &Instance, wanted: ConnectionState) {
        for _ in 0..10_000 {
            if self.state(instance).await == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} is {:?}, not {wanted:?}", instance.name, self.state(instance).await);
    }

    /// Waits until something holds. Fails the test when it never does.
    async fn eventually(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if holds(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{what}: never");
    }

    /// Lets everything run that has not come to rest.
    async fn settle(&self) {
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the sink has been told of that change of the link.
    async fn until_told(&self, change: &str) {
        for _ in 0..10_000 {
            if self.changes().iter().any(|told| told == change) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nobody was told of {change}, only of {:?}", self.changes());
    }

    /// The changes of the link that the sink was told of.
    fn changes(&self) -> Vec<String> {
        let delivered = self.sink.delivered();
        let changes = delivered.iter().filter_map(|event| match &event.body {
            wharf_domain::event::EventBody::State(change) => Some(change.as_str().to_owned()),
            _ => None,
        });
        changes.collect()
    }
}

/// An instance to be made, with a webhook for all events.
fn wanted(name: &str) -> CreateInstance {
    CreateInstance {
        name: InstanceName::parse(name).unwrap(),
        token: None,
        webhook: Some(target()),
        settings: Settings::default(),
        proxy: None,
        proxy_problem: None,
        websocket: None,
        s3: None,
    }
}

fn target() -> WebhookTarget {
    build::target("http://127.0.0.1:1/hook")
}

fn ana() -> Profile {
    Profile { jid: Some(build::phone("5511999990001")), ..Profile::default() }
}

/// Long enough for whatever waits by default.
const LONG: Duration = Duration::from_hours(1);
