//! A simulated WhatsApp and the sessions of one instance over a store of this crate.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use wharf_domain::{
    Error, Result, Timestamp,
    address::{Jid, PhoneNumber},
    instance::InstanceId,
    message::MessageId,
    ports::{
        Clock, History, HistoryBatch, Inbound, Session, SessionEnd, SessionEvent, SessionObserver,
        SessionRequest, WhatsApp,
    },
};
use wharf_net::{Egress, Net, Resolver, Roots, Tls};
use wharf_whatsapp::{Backend, Config, SessionStores, WhatsAppAdapter};
use wharf_whatsapp_sim::{
    Phone, Simulator,
    faults::{Fault, Limit, NewFault, Target},
};
use wharf_whatsapp_store::StoreFactory;

use crate::home::{Home, INSTANCE};

pub const OWN: &str = "5511999990009";
pub const ANA: &str = "5511999990001";
pub const BIA: &str = "5511999990002";

/// From how many bytes on a message is long.
pub const LONG: usize = 200;

/// How long anything may take. Only a broken session takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    pub simulator: Simulator,
    home: Home,
    adapter: WhatsAppAdapter,
    log: Log,
}

impl World {
    pub async fn new(home: Home) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let config = Config {
            url: simulator.whatsapp_url().parse().unwrap(),
            client_version: Some((2, 3000, 1_035_000_000)),
            prekeys: 20,
            ..Config::default()
        };
        let mut roots = Roots::web();
        roots.add_pem(simulator.root_certificate_pem().as_bytes()).unwrap();
        let net = Net::new(Tls::new(roots), Egress::Open).with_resolver(Arc::new(Nowhere));
        let stores = Arc::new(Stores(home.factory()));
        let adapter = WhatsAppAdapter::new(config, net, stores, Arc::new(SystemClock)).unwrap();
        simulator.create_phone(OWN, "Loja").unwrap();
        Self { simulator, home, adapter, log: Log::default() }
    }

    pub fn phone(&self, number: &str, name: &str) -> Phone {
        self.simulator.create_phone(number, name).unwrap()
    }

    pub async fn start(&self) -> Live {
        let observer = Arc::new(Observer::new(self.log.clone()));
        let request = SessionRequest {
            instance: InstanceId(INSTANCE),
            proxy: None,
            history: History::Skip,
            keep_online: false,
        };
        let session = self.adapter.start(request, observer.clone()).await.unwrap();
        Live { session, observer }
    }

    /// The instance, paired with the phone of `OWN` and connected.
    pub async fn pair(&self) -> Live {
        let phone = self.simulator.phone(OWN).unwrap();
        let live = self.start().await;
        let code = live.observer.until(|heard| heard.qr.clone()).await;
        phone.scan(&code).await.unwrap();
        live.connected().await;
        live
    }

    pub async fn reconnect(&self) -> Live {
        let live = self.start().await;
        live.connected().await;
        live
    }

    /// Waits until a text has been told.
    pub async fn told(&self, text: &str) {
        let mut log = self.log.0.subscribe();
        let told = log.wait_for(|log| log.iter().any(|(_, told)| told == text));
        let told = tokio::time::timeout(PATIENCE, told).await.map(drop);
        assert!(told.is_ok(), "never `{text}`: {:#?}", self.log());
    }

    /// The texts that were told, in order.
    pub fn log(&self) -> Vec<String> {
        self.log.0.borrow().iter().map(|(_, text)| text.clone()).collect()
    }

    /// Breaks the connection, now or as soon as there is one.
    pub fn break_connection(&self) {
        let target = Target::Number(OWN.to_owned());
        let fault = NewFault { target, fault: Fault::Drop, limit: Limit::Count(1) };
        self.simulator.add_fault(fault).unwrap();
    }

    /// From now on no message can be put down before its decryption counts.
    pub async fn break_buffer(&self) {
        self.home.tamper("ALTER TABLE wa_pending_inbound RENAME TO wa_gone").await;
    }

    pub async fn repair_buffer(&self) {
        self.home.tamper("ALTER TABLE wa_gone RENAME TO wa_pending_inbound").await;
    }

    /// From now on no long message can be put down; on SQLite. With every session the library tries a short one.
    pub async fn break_buffer_for_long_messages(&self) {
        let fails = "SELECT RAISE(ABORT, 'as planned')";
        let table = "wa_pending_inbound";
        let sql = format!(
            "CREATE TRIGGER full BEFORE INSERT ON {table} WHEN length(NEW.message) > {LONG} BEGIN {fails}; END"
        );
        self.home.tamper(&sql).await;
    }

    pub async fn repair_buffer_for_long_messages(&self) {
        self.home.tamper("DROP TRIGGER full").await;
    }

    /// From now on no ratchet can be saved.
    pub async fn break_ratchets(&self) {
        self.home.tamper("ALTER TABLE wa_session RENAME TO wa_gone").await;
    }

    pub async fn repair_ratchets(&self) {
        self.home.tamper("ALTER TABLE wa_gone RENAME TO wa_session").await;
    }

    /// Waits until somebody has tried in vain to put a message down.
    pub async fn buffer_failed(&self) {
        let failures = self.home.failures.clone();
        self.eventually("a failure to put a message down", async || {
            failures.lock().unwrap().iter().any(|sql| sql.contains("wa_pending_inbound"))
        })
        .await;
    }

    /// Waits until no message is kept because nobody has taken it yet.
    pub async fn nothing_is_buffered(&self) {
        self.eventually("a buffer that is empty", async || {
            self.home.count("wa_pending_inbound").await == 0
        })
        .await;
    }

    async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let poll = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, poll).await.is_ok(), "never: {what}");
    }
}

pub struct Live {
    pub session: Arc<dyn Session>,
    observer: Arc<Observer>,
}

impl Live {
    pub async fn connected(&self) {
        self.observer.until(|heard| heard.connected.then_some(())).await;
    }

    pub async fn end(&self) -> SessionEnd {
        self.observer.until(|heard| heard.end.clone()).await
    }

    /// Takes no messages from now on.
    pub fn refuse(&self) {
        self.observer.refuses.store(true, Ordering::SeqCst);
    }
}

#[derive(Debug, Default)]
struct Heard {
    qr: Option<String>,
    connected: bool,
    end: Option<SessionEnd>,
}

/// What was told in all sessions, as a log keeps it: what comes again under the same key is there once.
#[derive(Clone, Default)]
struct Log(Arc<watch::Sender<Vec<(String, String)>>>);

impl Log {
    fn append(&self, key: String, text: String) {
        self.0.send_modify(|log| match log.iter().find(|(known, _)| *known == key) {
            Some((_, known)) => assert_eq!(*known, text, "two messages under one key"),
            None => log.push((key, text)),
        });
    }
}

struct Observer {
    heard: watch::Sender<Heard>,
    log: Log,
    refuses: AtomicBool,
    /// One call at a time, as is promised.
    turn: Mutex<()>,
}

impl Observer {
    fn new(log: Log) -> Self {
        Self {
            heard: watch::Sender::new(Heard::default()),
            log,
            refuses: AtomicBool::default(),
            turn: Mutex::default(),
        }
    }

    async fn until<T>(&self, wanted: impl Fn(&Heard) -> Option<T>) -> T {
        let mut heard = self.heard.subscribe();
        let found = async {
            loop {
                if let Some(found) = wanted(&heard.borrow_and_update()) {
                    return found;
                }
                heard.changed().await.unwrap();
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, found).await else {
            panic!("never: {:#?}", self.heard.borrow());
        };
        found
    }
}

#[async_trait]
impl SessionObserver for Observer {
    async fn on_inbound(&self, messages: Vec<Inbound>) -> Result<()> {
        let _turn = self.turn.try_lock().unwrap();
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::unavailable("the log", "as planned"));
        }
        for Inbound { key, message, .. } in messages {
            self.log.append(key.0, message.content.text().to_owned());
        }
        Ok(())
    }

    async fn on_event(&self, event: SessionEvent) -> Result<()> {
        self.heard.send_modify(|heard| match event {
            SessionEvent::Qr { code, .. } => heard.qr = Some(code.as_str().to_owned()),
            SessionEvent::Connected { .. } => heard.connected = true,
            SessionEvent::Ended(end) => heard.end = Some(end),
            _ => {}
        });
        Ok(())
    }

    async fn on_history(&self, _: HistoryBatch) -> Result<()> {
        Ok(())
    }

    async fn recall(&self, _: &MessageId) -> Result<Option<Bytes>> {
        Ok(None)
    }
}

struct Stores(StoreFactory);

fn unavailable(error: wharf_whatsapp_store::Error) -> Error {
    Error::unavailable("the session store", error)
}

#[async_trait]
impl SessionStores for Stores {
    async fn open(&self, instance: InstanceId) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.0.open(instance.0).await.map_err(unavailable)?))
    }

    async fn is_paired(&self, instance: InstanceId) -> Result<bool> {
        Ok(self.0.registered_jid(instance.0).await.map_err(unavailable)?.is_some())
    }

    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>> {
        let users: Vec<_> = lids.iter().map(Jid::user).collect();
        let known = self.0.phones(instance.0, &users).await.map_err(unavailable)?;
        let pair = |(lid, phone): (String, String)| {
            let phone = PhoneNumber::parse(&phone).ok()?;
            Some((Jid::parse(&format!("{lid}@lid")).ok()?, Jid::phone(&phone)))
        };
        Ok(known.into_iter().filter_map(pair).collect())
    }

    async fn forget(&self, instance: InstanceId) -> Result<()> {
        self.0.wipe(instance.0).await.map_err(unavailable)
    }
}

/// Knows no names, so that nothing leaves this machine.
struct Nowhere;

#[async_trait]
impl Resolver for Nowhere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is a clock")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
