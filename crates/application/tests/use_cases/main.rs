//! The use cases over in-memory ports: a WhatsApp that the test drives, and a clock that it winds.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod deliveries;
mod links;
mod sends;

use std::{sync::Arc, time::Duration};

use wharf_application::{
    ApplicationConfig, Ports, Services,
    instances::{CreateInstance, Wanted},
};
use wharf_domain::{
    account::AccountId,
    instance::{Instance, InstanceName, Profile},
    ports::{AccountStore, InstanceStore},
    settings::Settings,
    state::ConnectionState,
    token::Principal,
    webhook::WebhookTarget,
};
use wharf_testkit::{
    InMemorySession, InMemoryStore, InMemoryWhatsApp, ManualClock, RecordingSink, SequenceRandom,
    build,
};

struct World {
    store: Arc<InMemoryStore>,
    whatsapp: Arc<InMemoryWhatsApp>,
    clock: Arc<ManualClock>,
    sink: Arc<RecordingSink>,
    services: Services,
    account: AccountId,
}

impl World {
    async fn new() -> Self {
        Self::on(Arc::default(), Arc::default()).await
    }

    /// Over what an earlier world left, as after a restart.
    async fn on(store: Arc<InMemoryStore>, whatsapp: Arc<InMemoryWhatsApp>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let sink = Arc::new(RecordingSink::default());
        let ports = Ports {
            accounts: store.clone(),
            instances: store.clone(),
            webhooks: store.clone(),
            messages: store.clone(),
            log: store.clone(),
            queue: store.clone(),
            webhook_sink: sink.clone(),
            whatsapp: whatsapp.clone(),
            clock: clock.clone(),
            random: Arc::new(SequenceRandom::default()),
            health: Vec::new(),
        };
        let services = Services::new(&ports, ApplicationConfig::default());
        let known = AccountStore::list(&*store).await.unwrap();
        let account = if let Some(account) = known.first() {
            account.id
        } else {
            let account = build::account("agency");
            AccountStore::insert(&*store, &account, &build::token()).await.unwrap();
            account.id
        };
        Self { store, whatsapp, clock, sink, services, account }
    }

    async fn started() -> Self {
        let world = Self::new().await;
        world.services.start().await.unwrap();
        world
    }

    /// An instance with a webhook for all events.
    async fn instance(&self, name: &str) -> Instance {
        let wanted = CreateInstance {
            name: InstanceName::parse(name).unwrap(),
            token: None,
            webhook: Some(target()),
            settings: Settings::default(),
            proxy: None,
            websocket: None,
            s3: None,
        };
        self.services.instances.create(self.account, wanted).await.unwrap().instance
    }

    /// The same, paired and connected.
    async fn connected(&self, name: &str) -> (Instance, InMemorySession) {
        let instance = self.instance(name).await;
        self.services.connections.connect(&instance, None).await.unwrap();
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

fn target() -> WebhookTarget {
    build::target("http://127.0.0.1:1/hook")
}

fn ana() -> Profile {
    Profile { jid: Some(build::phone("5511999990001")), ..Profile::default() }
}

/// Long enough for whatever waits by default.
const LONG: Duration = Duration::from_hours(1);
