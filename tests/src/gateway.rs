use std::{net::Ipv4Addr, pin::pin, sync::Arc, time::Duration};

use actix_web::{HttpServer, dev::ServerHandle};
use serde_json::{Value, json};
use wharf_application::{ApplicationConfig, Ports, Services};
use wharf_domain::{
    account::AccountName,
    instance::{InstanceId, Profile},
    ports::NoMeter,
    token::Token,
};
use wharf_http_ryze::{Api, Config};
use wharf_testkit::{
    InMemoryFiles, InMemoryMediaStore, InMemorySession, InMemoryStore, InMemoryWhatsApp,
    ManualClock, RecordingSink, SequenceRandom, SimpleMediaTools, build,
};

use crate::{Answer, Caller, SwitchedCheck};

/// The number of the instances that [`TestGateway::connected`] gives.
pub const OWN_NUMBER: &str = "5511999990000";

/// How long anything that happens by itself may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway with the real use cases and the real HTTP API, over in-memory ports.
pub struct TestGateway {
    /// What is stored.
    pub store: Arc<InMemoryStore>,
    /// WhatsApp, driven by the test.
    pub whatsapp: Arc<InMemoryWhatsApp>,
    /// Files that can be fetched from URLs.
    pub files: Arc<InMemoryFiles>,
    /// The buckets.
    pub buckets: Arc<InMemoryMediaStore>,
    /// The receiver of all webhooks.
    pub sink: Arc<RecordingSink>,
    /// The time, which stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// The part that `/health` speaks of.
    pub database: Arc<SwitchedCheck>,
    /// The use cases.
    pub services: Services,
    client: reqwest::Client,
    base: String,
    account: Token,
    server: ServerHandle,
}

impl TestGateway {
    /// A gateway with one account and without rate limits.
    pub async fn start() -> Self {
        Self::with(Config { rate_limit: 0, rate_limit_create: 0, ..Config::default() }).await
    }

    /// A gateway with one account, configured.
    pub async fn with(config: Config) -> Self {
        Self::with_application(config, ApplicationConfig::default()).await
    }

    /// A gateway with one account, and use cases that are configured too.
    pub async fn with_application(config: Config, application: ApplicationConfig) -> Self {
        let store = Arc::new(InMemoryStore::default());
        let whatsapp = Arc::new(InMemoryWhatsApp::default());
        let files = Arc::new(InMemoryFiles::default());
        let buckets = Arc::new(InMemoryMediaStore::default());
        let sink = Arc::new(RecordingSink::default());
        let clock = Arc::new(ManualClock::default());
        let database = Arc::new(SwitchedCheck::default());
        let ports = Ports {
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
            health: vec![database.clone()],
        };
        let services = Services::new(&ports, application);
        services.start().await.expect("the use cases start");
        let name = AccountName::parse("default").expect("a valid name");
        let (_, account) = services.accounts.create(name, None).await.expect("an account");

        let api = Api::new(services.clone(), clock.clone(), config);
        let server = HttpServer::new(move || api.app())
            .workers(1)
            .disable_signals()
            .bind((Ipv4Addr::LOCALHOST, 0))
            .expect("a free port");
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        Self {
            store,
            whatsapp,
            files,
            buckets,
            sink,
            clock,
            database,
            services,
            client,
            base,
            account,
            server: handle,
        }
    }

    /// Where it listens: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// The token of the account.
    #[must_use]
    pub fn account_token(&self) -> &str {
        self.account.expose()
    }

    /// Stops in order: what runs by itself, then the server once its connections have ended.
    pub async fn stop(&self) {
        self.services.stop().await;
        self.server.stop(true).await;
    }

    /// Somebody without a token.
    #[must_use]
    pub fn nobody(&self) -> Caller {
        Caller::new(self.client.clone(), self.base.clone())
    }

    /// Somebody without a token who does not go where they are sent.
    #[must_use]
    pub fn unled(&self) -> Caller {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        Caller::new(client, self.base.clone())
    }

    /// The holder of a token.
    #[must_use]
    pub fn holder(&self, token: &str) -> Caller {
        self.nobody().with("token", token)
    }

    /// The owner of the account.
    #[must_use]
    pub fn owner(&self) -> Caller {
        self.holder(self.account.expose())
    }

    /// The owner of one more account.
    pub async fn other_owner(&self, name: &str, quota: Option<u32>) -> Caller {
        let name = AccountName::parse(name).expect("a valid name");
        let (_, token) = self.services.accounts.create(name, quota).await.expect("an account");
        self.holder(token.expose())
    }

    /// `GET` by the owner of the account.
    pub async fn get(&self, path: &str) -> Answer {
        self.owner().get(path).await
    }

    /// `POST` of JSON by the owner of the account.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.owner().post(path, body).await
    }

    /// `DELETE` by the owner of the account.
    pub async fn delete(&self, path: &str) -> Answer {
        self.owner().delete(path).await
    }

    /// Makes an instance and gives its id and token.
    pub async fn instance(&self, name: &str) -> (InstanceId, String) {
        let made = self.post("/api/instance/new", json!({ "name": name })).await.expect(201);
        let text = |key: &str| made["instance"][key].as_str().expect("a text").to_owned();
        (InstanceId(text("id").parse().expect("an id")), text("token"))
    }

    /// Makes an instance and connects it to [`OWN_NUMBER`].
    pub async fn connected(&self, name: &str) -> InMemorySession {
        let (id, _) = self.instance(name).await;
        let path = format!("/api/instance/connect/{name}");
        assert_eq!(self.get(&path).await.expect(200)["status"], "qr");
        let session = self.whatsapp.until_session(id).await;
        session.scan(Profile {
            jid: Some(build::phone(OWN_NUMBER)),
            name: Some("Sales desk".to_owned()),
            ..Profile::default()
        });
        self.until_state(name, "connected").await;
        session
    }

    /// The id of an instance.
    pub async fn id(&self, name: &str) -> InstanceId {
        let path = format!("/api/instance/list?instanceName={name}");
        let listed = self.get(&path).await.expect(200);
        let id = listed["instances"][0]["id"].as_str().expect("a text");
        InstanceId(id.parse().expect("an id"))
    }

    /// The state that the list tells of an instance.
    pub async fn state(&self, name: &str) -> String {
        let path = format!("/api/instance/list?instanceName={name}");
        let listed = self.get(&path).await.expect(200);
        let state = &listed["instances"][0]["connection"]["state"];
        assert_eq!(*state, listed["instances"][0]["status"]);
        state.as_str().expect("a text").to_owned()
    }

    /// Does something that takes its time, and lets time pass in such steps until it is done.
    pub async fn while_time_passes<T>(&self, step: Duration, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(Duration::from_millis(2)) => self.clock.advance(step),
            }
        }
    }

    /// Waits until the list tells a state of an instance.
    pub async fn until_state(&self, name: &str, expected: &str) {
        let reached = async {
            while self.state(name).await != expected {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        assert!(in_time, "`{name}` never was {expected}: it is {}", self.state(name).await);
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        // The order to stop is given by the call; waiting for the end is for those who care.
        drop(self.server.stop(false));
    }
}
