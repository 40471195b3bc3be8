//! Wharf end to end: real processes, the real client library, real sockets and real encryption against the simulated
//! WhatsApp, killed where it hurts.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod bad_days;
mod browser;
mod bucket;
mod chaos;
mod deliveries;
mod events;
mod files;
mod first_chat;
mod gateway;
mod guide;
mod live;
mod media_in;
mod media_out;
mod operating;
mod page;
mod pairing;
mod pairing_steps;
mod process;
mod proxies;
mod proxy_servers;
mod random_bodies;
mod receiver;
mod rotation;
mod secrets;
mod sending;
mod settings_felt;
mod whatsapp;

use std::time::Duration;

use tempfile::TempDir;

pub(crate) use gateway::{Gateway, Options};
pub(crate) use receiver::Receiver;
pub(crate) use whatsapp::WhatsApp;

/// How long to wait for what must happen. Nothing waits this long unless it fails.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The time by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the processes under test live in real time")]
pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// Looks again and again until there is what is waited for.
pub(crate) async fn until<T, F>(what: &str, look: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, found).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A simulated WhatsApp with two phones, a gateway wired to it and a webhook receiver.
pub(crate) struct World {
    pub(crate) whatsapp: WhatsApp,
    pub(crate) gateway: Gateway,
    pub(crate) receiver: Receiver,
    /// What both keep; gone with the test.
    _dir: TempDir,
}

pub(crate) const ANA: &str = "5511999990001";
pub(crate) const BIA: &str = "5511999990002";

impl World {
    /// Everything started, nothing paired. `sales` is Ana's instance.
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let whatsapp = WhatsApp::start(dir.path());
        whatsapp.phone(ANA, "Ana").await;
        whatsapp.phone(BIA, "Bia").await;
        // Its media host speaks TLS.
        let options = options.trust(&whatsapp.root_certificate().await);
        let gateway = Gateway::start(&whatsapp, dir.path(), options);
        let receiver = Receiver::start().await;
        Self { whatsapp, gateway, receiver, _dir: dir }
    }

    /// The same with `sales` created, its webhook set, paired with Ana and connected.
    pub(crate) async fn paired() -> Self {
        Self::paired_with(Options::default()).await
    }

    pub(crate) async fn paired_with(options: Options) -> Self {
        let world = Self::with(options).await;
        world.gateway.create("sales", &world.receiver.url()).await;
        world.gateway.pair("sales", &world.whatsapp, ANA).await;
        world
    }
}
