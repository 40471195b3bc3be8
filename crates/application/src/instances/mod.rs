//! Instances, as a caller sees them.

mod changes;

use std::{collections::HashMap, sync::Arc};

use wharf_domain::{
    Error, Resource, Result,
    account::AccountId,
    instance::{Instance, InstanceId, InstanceName, Profile},
    ports::{Clock, InstanceStore, Random, WebhookStore, WhatsApp},
    proxy::ProxyConfig,
    s3::S3Config,
    settings::Settings,
    state::{ConnectionState, Standing},
    token::{Principal, Token},
    webhook::{Webhook, WebhookLabel, WebhookTarget},
    websocket::WebSocketConfig,
};

pub use changes::{SettingsChange, check_reject_message};

use crate::{Ports, deliverer::Changes, ids, sessions::Sessions, webhooks::new_webhook};

/// What a new instance shall be like.
#[derive(Clone, Debug)]
pub struct CreateInstance {
    /// Its name.
    pub name: InstanceName,
    /// Its token; one is made when there is none.
    pub token: Option<Token>,
    /// Where its `default` webhook posts to, if anywhere.
    pub webhook: Option<WebhookTarget>,
    /// How it behaves.
    pub settings: Settings,
    /// Its way out.
    pub proxy: Option<ProxyConfig>,
    /// Why the way out that was asked for cannot be used, if so; it does not connect then.
    pub proxy_problem: Option<String>,
    /// Its WebSocket.
    pub websocket: Option<WebSocketConfig>,
    /// Where its media goes.
    pub s3: Option<S3Config>,
}

/// Which of an account's instances are wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// All of them.
    All,
    /// The one of that name, which has to be there.
    One(InstanceName),
    /// Those of these names that are there.
    Several(Vec<InstanceName>),
}

/// An instance with what is kept beside it, and its state now.
#[derive(Clone, Debug)]
pub struct InstanceDetails {
    /// What is stored.
    pub instance: Instance,
    /// Its state now.
    pub state: ConnectionState,
    /// Whether it shows itself as online.
    pub is_online: bool,
    /// Its `default` webhook, if it ever had one.
    pub webhook: Option<Webhook>,
}

/// Makes, lists, changes and removes instances.
#[derive(Clone)]
pub struct InstanceService {
    instances: Arc<dyn InstanceStore>,
    webhooks: Arc<dyn WebhookStore>,
    whatsapp: Arc<dyn WhatsApp>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sessions: Sessions,
    deliveries: Changes,
    /// Held while settings are read and written back.
    settings_turn: Arc<tokio::sync::Mutex<()>>,
}

impl InstanceService {
    pub(crate) fn new(ports: &Ports, sessions: Sessions, deliveries: Changes) -> Self {
        Self {
            instances: ports.instances.clone(),
            webhooks: ports.webhooks.clone(),
            whatsapp: ports.whatsapp.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            sessions,
            deliveries,
            settings_turn: Arc::default(),
        }
    }

    /// Makes an instance. It starts disconnected.
    ///
    /// Fails with `AlreadyExists` when the name or the token is taken, with `QuotaExceeded` when the account may own
    /// no more; then nothing was made.
    pub async fn create(
        &self,
        account: AccountId,
        wanted: CreateInstance,
    ) -> Result<InstanceDetails> {
        let now = self.clock.now();
        let token = match wanted.token {
            Some(token) => token,
            None => ids::token(&*self.random)?,
        };
        let instance = Instance {
            id: InstanceId(ids::uuid(now, &*self.random)),
            account,
            name: wanted.name,
            token,
            standing: Standing::Unpaired,
            profile: Profile::default(),
            settings: wanted.settings,
            proxy: wanted.proxy,
            proxy_problem: wanted.proxy_problem,
            websocket: wanted.websocket,
            s3: wanted.s3,
            created_at: now,
            updated_at: now,
        };
        let webhook = wanted
            .webhook
            .map(|target| new_webhook(WebhookLabel::default(), Some(target), &*self.random));
        self.instances.insert(&instance, webhook.as_ref()).await?;
        let state = instance.standing.state_at_rest();
        Ok(InstanceDetails { state, is_online: false, instance, webhook })
    }

    /// The instances a caller may see: those wanted of an account's own, or an instance itself. Names of several that
    /// do not exist are passed over.
    ///
    /// Fails with `NotFound` when one name is given and there is no such instance.
    pub async fn list(&self, caller: Principal, wanted: &Wanted) -> Result<Vec<InstanceDetails>> {
        let found = match caller {
            Principal::Instance { instance, .. } => {
                self.instances.find_by_id(instance).await?.into_iter().collect()
            }
            Principal::Account(account) => match wanted {
                Wanted::All => self.instances.list(account).await?,
                Wanted::One(name) => vec![
                    self.instances
                        .find(account, name)
                        .await?
                        .ok_or(Error::NotFound(Resource::Instance))?,
                ],
                Wanted::Several(names) => {
                    let mut all = self.instances.list(account).await?;
                    all.retain(|instance| names.contains(&instance.name));
                    all
                }
            },
        };
        self.with_details(found).await
    }

    /// Removes an instance with all that is its own: the session is ended and the device unlinked first, so that
    /// nothing of it is left when this returns. Only its account may.
    ///
    /// Fails with `NotFound` when the account has none of that name.
    pub async fn delete(&self, account: AccountId, name: &InstanceName) -> Result<()> {
        let missing = || Error::NotFound(Resource::Instance);
        let instance = self.instances.find(account, name).await?.ok_or_else(missing)?;
        // From here on a connect finds no such instance, so nothing can begin behind our back.
        let _bar = self.sessions.bar(instance.id).ok_or_else(missing)?;
        self.sessions.remove(instance.id, true).await;
        self.whatsapp.forget(instance.id).await?;
        let webhooks = self.webhooks.list(instance.id).await?;
        let was = self.instances.remove(instance.id).await?;
        for webhook in webhooks {
            self.deliveries.webhook_removed(webhook.id);
        }
        self.deliveries.instance_removed(instance.id);
        was.then_some(()).ok_or_else(missing)
    }

    async fn with_details(&self, instances: Vec<Instance>) -> Result<Vec<InstanceDetails>> {
        let ids: Vec<_> = instances.iter().map(|instance| instance.id).collect();
        let mut webhooks: HashMap<_, _> = self.webhooks.defaults(&ids).await?.into_iter().collect();
        let details = instances.into_iter().map(|instance| InstanceDetails {
            state: self.sessions.state(instance.id, &instance.standing),
            is_online: self.sessions.is_online(instance.id),
            webhook: webhooks.remove(&instance.id),
            instance,
        });
        Ok(details.collect())
    }
}
