use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    account::AccountId,
    instance::{Instance, InstanceId, InstanceName, Profile},
    proxy::ProxyConfig,
    s3::S3Config,
    settings::Settings,
    state::Standing,
    webhook::Webhook,
    websocket::WebSocketConfig,
};

/// A change of one part of an instance; the others stay as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum InstanceChange {
    /// What a restart has to know of the link.
    Standing(Standing),
    /// Who is behind it.
    Profile(Profile),
    /// How it behaves.
    Settings(Settings),
    /// Its way out; `None` removes it. Either clears a proxy problem.
    Proxy(Option<ProxyConfig>),
    /// Its WebSocket.
    WebSocket(WebSocketConfig),
    /// Where its media goes; `None` removes it.
    S3(Option<S3Config>),
}

/// Keeps [`Instance`]s. Tokens and passwords are sealed at rest.
///
/// An implementation is right when it passes `wharf_testkit::instance_store_contract!`.
#[async_trait]
pub trait InstanceStore: Send + Sync {
    /// Adds an instance and its first webhook, if any, in one step.
    ///
    /// Fails with `AlreadyExists(Instance)` when the name is taken within the account or the token anywhere on the
    /// server, and with `QuotaExceeded` when the account may own no more; also when callers race, since check and
    /// write are one step. Then nothing is written.
    async fn insert(&self, instance: &Instance, webhook: Option<&Webhook>) -> Result<()>;

    /// Looks an instance up by name. Not finding one is an answer.
    async fn find(&self, account: AccountId, name: &InstanceName) -> Result<Option<Instance>>;

    /// Looks an instance up by id.
    async fn find_by_id(&self, id: InstanceId) -> Result<Option<Instance>>;

    /// All instances of an account, oldest first.
    async fn list(&self, account: AccountId) -> Result<Vec<Instance>>;

    /// The ids of all instances on the server with their standing, in no promised order.
    async fn standings(&self) -> Result<Vec<(InstanceId, Standing)>>;

    /// Applies changes in one step and sets `updated_at`. Says whether there was such an instance.
    async fn update(
        &self,
        id: InstanceId,
        changes: &[InstanceChange],
        now: Timestamp,
    ) -> Result<bool>;

    /// Removes an instance with all that is its own (webhooks, messages, events, deliveries, token), in one step but for
    /// what is too much for one: of a long history, messages and events may go before it. Says whether there was one, so a
    /// repeat is harmless.
    async fn remove(&self, id: InstanceId) -> Result<bool>;
}
