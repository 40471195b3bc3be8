//! A simulated WhatsApp, an adapter on it, and stores that outlive sessions.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use uuid::Uuid;
use wacore::store::InMemoryBackend;
use wharf_domain::{
    Error, Result, Timestamp,
    address::{Jid, PhoneNumber},
    instance::InstanceId,
    message::MessageId,
    pairing::QrCode,
    ports::{Clock, History, Outgoing, Session, SessionEvent, SessionRequest, WhatsApp},
};
use wharf_net::{Egress, Net, Resolver, Roots, Tls};
use wharf_whatsapp::{Backend, Config, SessionStores, WhatsAppAdapter};
use wharf_whatsapp_sim::{
    Phone, Simulator,
    faults::{Fault, Limit, NewFault, Target},
};

use crate::recorder::{PATIENCE, Recorder};

pub const OWN: &str = "5511999990009";
pub const ANA: &str = "5511999990001";

pub struct World {
    pub simulator: Simulator,
    pub stores: Arc<Stores>,
    pub adapter: WhatsAppAdapter,
    pub clock: Arc<SystemClock>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(Simulator::start().await.unwrap(), change)
    }

    pub fn on(simulator: Simulator, change: impl FnOnce(&mut Config)) -> Self {
        Self::guarded(simulator, Egress::Open, change)
    }

    pub fn guarded(simulator: Simulator, egress: Egress, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            url: simulator.whatsapp_url().parse().unwrap(),
            client_version: Some((2, 3000, 1_035_000_000)),
            prekeys: 20,
            ..Config::default()
        };
        change(&mut config);
        let mut roots = Roots::web();
        roots.add_pem(simulator.root_certificate_pem().as_bytes()).unwrap();
        let net = Net::new(Tls::new(roots), egress).with_resolver(Arc::new(Nowhere));
        let stores = Arc::new(Stores::default());
        let clock = Arc::new(SystemClock::default());
        let adapter = WhatsAppAdapter::new(config, net, stores.clone(), clock.clone()).unwrap();
        Self { simulator, stores, adapter, clock }
    }

    pub fn phone(&self, number: &str, name: &str) -> Phone {
        self.simulator.create_phone(number, name).unwrap()
    }

    pub fn fault(&self, fault: Fault, limit: Limit) {
        let target = Target::Number(OWN.to_owned());
        self.simulator.add_fault(NewFault { target, fault, limit }).unwrap();
    }

    pub async fn start(&self, instance: InstanceId) -> Live {
        self.start_as(request(instance)).await.unwrap()
    }

    pub async fn start_as(&self, request: SessionRequest) -> Result<Live> {
        let recorder = Recorder::new();
        let session = self.adapter.start(request, recorder.clone()).await?;
        Ok(Live { session, recorder })
    }

    /// A fresh instance, paired with the phone of `OWN` and connected.
    pub async fn pair(&self) -> Paired {
        let phone = self.phone(OWN, "Loja");
        self.pair_with(phone, request(instance())).await
    }

    /// An instance, paired with a phone and connected.
    pub async fn pair_with(&self, phone: Phone, request: SessionRequest) -> Paired {
        let instance = request.instance;
        let live = self.start_as(request).await.unwrap();
        let device = phone.scan(live.qr().await.as_str()).await.unwrap();
        live.connected().await;
        Paired { instance, live, phone, device }
    }

    /// The next session of an instance, connected.
    pub async fn reconnect(&self, instance: InstanceId) -> Live {
        let live = self.start(instance).await;
        live.connected().await;
        live
    }
}

pub struct Paired {
    pub instance: InstanceId,
    pub live: Live,
    pub phone: Phone,
    pub device: u16,
}

/// A session and what it has told.
pub struct Live {
    pub session: Arc<dyn Session>,
    pub recorder: Arc<Recorder>,
}

impl Live {
    pub async fn qr(&self) -> QrCode {
        self.recorder
            .event("QR code", |event| match event {
                SessionEvent::Qr { code, .. } => Some(code.clone()),
                _ => None,
            })
            .await
    }

    pub async fn connected(&self) {
        self.recorder
            .event("connection", |event| {
                matches!(event, SessionEvent::Connected { .. }).then_some(())
            })
            .await;
    }

    /// Sends a text. The id is the one it was sent with, whatever came of it.
    pub async fn send(&self, to: &str, text: &str) -> (MessageId, Result<Timestamp>) {
        let outgoing = self.outgoing(to, text);
        let sent = self.session.send(&outgoing).await;
        (outgoing.id, sent)
    }

    pub fn outgoing(&self, to: &str, text: &str) -> Outgoing {
        let id = Uuid::now_v7().simple().to_string().to_uppercase();
        Outgoing {
            id: MessageId::parse(format!("3EB0{}", &id[12..])).unwrap(),
            to: Jid::phone(&number(to)),
            raw: self.session.encode_text(text, None),
        }
    }
}

pub fn instance() -> InstanceId {
    InstanceId(Uuid::now_v7())
}

pub fn request(instance: InstanceId) -> SessionRequest {
    SessionRequest { instance, proxy: None, history: History::Skip, keep_online: false }
}

pub fn number(raw: &str) -> PhoneNumber {
    PhoneNumber::parse(raw).unwrap()
}

/// Waits until something holds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, poll).await.is_ok(), "never: {what}");
}

/// Stores in memory, one an instance.
#[derive(Default)]
pub struct Stores(Mutex<HashMap<InstanceId, Arc<dyn Backend>>>);

impl Stores {
    fn store(&self, instance: InstanceId) -> Arc<dyn Backend> {
        let mut stores = self.0.lock().unwrap();
        stores.entry(instance).or_insert_with(|| Arc::new(InMemoryBackend::new())).clone()
    }

    /// How many hold the store of an instance besides these stores themselves.
    pub fn holders(&self, instance: InstanceId) -> usize {
        Arc::strong_count(&self.0.lock().unwrap()[&instance]) - 1
    }
}

#[async_trait]
impl SessionStores for Stores {
    async fn open(&self, instance: InstanceId) -> Result<Arc<dyn Backend>> {
        Ok(self.store(instance))
    }

    async fn is_paired(&self, instance: InstanceId) -> Result<bool> {
        let loaded = self.store(instance).load().await;
        let device = loaded.map_err(|e| Error::unavailable("the store", e))?;
        Ok(device.is_some_and(|device| device.pn.is_some()))
    }

    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>> {
        let backend = self.store(instance);
        let mut known = Vec::new();
        for lid in lids {
            let found = backend.get_lid_mapping(lid.user()).await;
            if let Some(entry) = found.map_err(|e| Error::unavailable("the store", e))? {
                known.push((lid.clone(), Jid::phone(&number(&entry.phone_number))));
            }
        }
        Ok(known)
    }

    async fn forget(&self, instance: InstanceId) -> Result<()> {
        self.0.lock().unwrap().remove(&instance);
        Ok(())
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

/// Notes the pauses that have been made.
#[derive(Default)]
pub struct SystemClock(Mutex<Vec<Duration>>);

impl SystemClock {
    /// How often so long a pause has ended.
    pub fn sleeps(&self, pause: Duration) -> usize {
        self.0.lock().unwrap().iter().filter(|made| **made == pause).count()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is a clock")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
        self.0.lock().unwrap().push(pause);
    }
}
