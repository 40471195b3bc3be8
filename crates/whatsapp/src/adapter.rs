use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tracing::Instrument;
use wacore::store::DevicePropsOverride;
use waproto::whatsapp::device_props::PlatformType;
use wharf_domain::{
    Error, Result,
    address::{Jid, PhoneNumber},
    instance::InstanceId,
    ports::{Clock, History, Session, SessionObserver, SessionRequest, WhatsApp},
};
use wharf_net::{Client as HttpClient, Net, Proxy, Timeouts};
use whatsapp_rust::{
    CacheConfig, CacheEntryConfig, Client, MsgSecretPolicy,
    bot::{Bot, BotBuilderError},
};

use crate::{
    config::Config,
    convert, driver,
    events::Listener,
    groups::Groups,
    history,
    hook::TakeFirst,
    http::Http,
    lookup::Lookups,
    proxy,
    session::{Core, LiveSession},
    stores::{Backend, SessionStores},
    transport::{Link, Sockets},
};

/// For the look-up of the client version, and for media, whose size is not known.
const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(20), total: None };

/// The WhatsApp port on whatsapp-rust.
pub struct WhatsAppAdapter {
    config: Arc<Config>,
    net: Net,
    /// For sessions that have none of their own.
    default: WayOut,
    stores: Arc<dyn SessionStores>,
    clock: Arc<dyn Clock>,
    dials: Arc<Semaphore>,
    running: Running,
    /// What is known of the groups of instances that had a session.
    groups: Mutex<HashMap<InstanceId, Arc<Groups>>>,
}

/// The instances that have a session, and the session as far as it has begun.
type Running = Arc<Mutex<HashMap<InstanceId, Weak<Core>>>>;

impl WhatsAppAdapter {
    /// An adapter without any session. Fails when the HTTP client cannot be set up or the default proxy is none.
    pub fn new(
        config: Config,
        net: Net,
        stores: Arc<dyn SessionStores>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let default = match &config.default_proxy {
            Some(proxy) => WayOut::through(&net, proxy::from_settings(proxy)?.trusted())?,
            None => WayOut::direct(&net)?,
        };
        Ok(Self {
            dials: Arc::new(Semaphore::new(config.dials.max(1))),
            config: Arc::new(config),
            net,
            default,
            stores,
            clock,
            running: Running::default(),
            groups: Mutex::default(),
        })
    }

    fn way_out(&self, request: &SessionRequest) -> Result<WayOut> {
        match &request.proxy {
            Some(own) => WayOut::through(&self.net, proxy::from_settings(own)?),
            None => Ok(self.default.clone()),
        }
    }

    fn groups(&self, instance: InstanceId) -> Arc<Groups> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.entry(instance).or_default().clone()
    }

    /// The library's client of an instance, while a session of it runs.
    fn client(&self, instance: InstanceId) -> Option<Arc<Client>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&instance).and_then(Weak::upgrade)?.client()
    }

    async fn bot(
        &self,
        core: &Arc<Core>,
        store: &Arc<dyn Backend>,
        request: &SessionRequest,
    ) -> Result<Bot> {
        let WayOut { proxy, http } = self.way_out(request)?;
        let http = Http { client: http, tasks: core.tasks.clone(), link: core.link.clone() };
        let sockets = Sockets {
            url: self.config.url.clone(),
            dialer: self.net.dialer(proxy, self.config.dial_limit),
            link: core.link.clone(),
            queue: core.queue.clone(),
            tasks: core.tasks.clone(),
            afoot: core.afoot.clone(),
            clock: self.clock.clone(),
        };
        let take_first = TakeFirst {
            queue: core.queue.clone(),
            tasks: core.tasks.clone(),
            afoot: core.afoot.clone(),
        };
        let device = DevicePropsOverride::new()
            .with_os(self.config.device_name.as_str())
            .with_platform_type(PlatformType::CHROME);
        let device = match history::wanted(request.history) {
            Some(config) => device.with_require_full_sync(true).with_history_sync_config(config),
            None => device,
        };
        let mut bot = Bot::builder()
            .with_backend_arc(store.clone())
            .with_transport_factory(sockets)
            .with_http_client(http)
            .with_runtime(core.tasks.clone())
            .with_inbound_durability_hook(take_first)
            .with_event_handler(Listener { core: core.clone() })
            .with_device_props(device)
            .with_wanted_pre_key_count(self.config.prekeys)
            .with_cache_config(caches());
        if let Some(version) = self.config.client_version {
            bot = bot.with_version(version);
        }
        if request.history == History::Skip {
            bot = bot.skip_history_sync();
        }
        if let Some(name) = &self.config.push_name
            && !self.stores.is_paired(request.instance).await?
        {
            bot = bot.with_push_name(name.as_str());
        }
        bot.build().await.map_err(|e| match e {
            BotBuilderError::Store(e) => Error::unavailable("the session store", e),
            other => Error::unavailable("the WhatsApp client", other),
        })
    }
}

#[async_trait]
impl WhatsApp for WhatsAppAdapter {
    async fn start(
        &self,
        request: SessionRequest,
        observer: Arc<dyn SessionObserver>,
    ) -> Result<Arc<dyn Session>> {
        let turn = Turn::take(&self.running, request.instance)?;
        let store = self.stores.open(request.instance).await?;
        let permit = self.dials.clone().acquire_owned().await;
        let permit = permit.map_err(|e| Error::unavailable("the queue of dials", e))?;
        let core = Core::new(
            self.config.clone(),
            self.clock.clone(),
            Link::new(permit),
            &request,
            self.groups(request.instance),
        );
        let core = Arc::new(core);
        turn.show(&core);
        let bot = match self.bot(&core, &store, &request).await {
            Ok(bot) => bot,
            Err(e) => {
                core.tasks.end().await;
                return Err(e);
            }
        };
        let client = bot.client();
        // Delivery receipts count although the device may be unavailable, see `keep_presence`; without this WhatsApp
        // shows the sender one tick only.
        client.set_force_active_delivery_receipts(true);
        core.link.control(client.enable_auto_reconnect.clone());
        let _ = core.client.set(Arc::downgrade(&client));
        drop(client);
        let session = LiveSession { core: core.clone(), lookups: Lookups::default() };
        tokio::spawn(driver::lead(core, bot, observer, turn).in_current_span());
        Ok(Arc::new(session))
    }

    async fn is_paired(&self, instance: InstanceId) -> Result<bool> {
        self.stores.is_paired(instance).await
    }

    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>> {
        if lids.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = self.stores.phones(instance, lids).await?;
        // What is learnt from the mail that waited for a connection the library keeps in memory alone.
        let Some(client) = self.client(instance) else { return Ok(known) };
        for lid in lids {
            if known.iter().any(|(other, _)| other == lid) {
                continue;
            }
            let found = client.get_lid_pn_entry(&convert::to_library(lid)).await;
            let found =
                found.map_err(|e| Error::unavailable("the session store", e.to_string()))?;
            if let Some(entry) = found
                && let Ok(number) = PhoneNumber::parse(&entry.phone_number)
            {
                known.push((lid.clone(), Jid::phone(&number)));
            }
        }
        Ok(known)
    }

    async fn forget(&self, instance: InstanceId) -> Result<()> {
        let _turn = Turn::take(&self.running, instance)?;
        self.stores.forget(instance).await?;
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).remove(&instance);
        Ok(())
    }
}

/// How the sessions of an instance get out.
#[derive(Clone)]
struct WayOut {
    proxy: Option<Proxy>,
    http: HttpClient,
}

impl WayOut {
    fn direct(net: &Net) -> Result<Self> {
        let http = net.trusted_client(TIMEOUTS, None);
        let http = http.map_err(|e| Error::unavailable("the HTTP client", e))?;
        Ok(Self { proxy: None, http })
    }

    fn through(net: &Net, proxy: Proxy) -> Result<Self> {
        let http = net.trusted_client(TIMEOUTS, Some(&proxy));
        let http = http.map_err(|e| Error::ConnectFailed(e.to_string()))?;
        Ok(Self { proxy: Some(proxy), http })
    }
}

/// The right to be the one session of an instance.
pub(crate) struct Turn {
    running: Running,
    instance: InstanceId,
}

impl Turn {
    fn take(running: &Running, instance: InstanceId) -> Result<Self> {
        match running.lock().unwrap_or_else(PoisonError::into_inner).entry(instance) {
            Entry::Vacant(place) => place.insert(Weak::new()),
            Entry::Occupied(_) => {
                let words = "a session of this instance is running already".to_owned();
                return Err(Error::ConnectFailed(words));
            }
        };
        Ok(Self { running: running.clone(), instance })
    }

    /// Lets the session be found.
    fn show(&self, core: &Arc<Core>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(self.instance, Arc::downgrade(core));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.instance);
    }
}

/// Smaller than the library's, which are made for one account in a process.
fn caches() -> CacheConfig {
    let hour = Some(Duration::from_hours(1));
    CacheConfig {
        group_cache: CacheEntryConfig::new(hour, 50),
        // Below the size of a big group a send would read every member from the store.
        device_registry_cache: CacheEntryConfig::new(hour, 1_100),
        lid_pn_cache: CacheEntryConfig::new(None, 5_000),
        sender_key_devices_cache: CacheEntryConfig::new(hour, 50),
        session_locks_capacity: 500,
        chat_lanes_capacity: 32,
        group_distribution_locks_capacity: 64,
        resend_rate_limiter_capacity: 256,
        msg_secret_policy: MsgSecretPolicy::Managed,
        seed_msg_secrets_from_history: false,
        ..CacheConfig::default()
    }
}
