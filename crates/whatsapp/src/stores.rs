use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wacore::store::traits::Backend;
use wharf_domain::{Result, address::Jid, instance::InstanceId};

/// Where the keys of the instances are.
#[async_trait]
pub trait SessionStores: Send + Sync {
    /// Opens the store of an instance, empty when it has none yet.
    async fn open(&self, instance: InstanceId) -> Result<SessionStore>;

    /// Whether the instance has the keys of a paired device.
    async fn is_paired(&self, instance: InstanceId) -> Result<bool>;

    /// The phone JIDs of LIDs, as pairs of LID and phone JID, as far as the instance has learnt them. Its store may be in
    /// use meanwhile.
    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>>;

    /// Removes everything of an instance, in one step. Called only while its store is not in use.
    async fn forget(&self, instance: InstanceId) -> Result<()>;
}

/// The store of one session.
#[derive(Clone)]
pub struct SessionStore {
    /// The library's view of it.
    pub backend: Arc<dyn Backend>,
    /// Cancelled when a message could not be put down before its decryption counts. From then on the backend itself
    /// refuses to write Signal state, or the message is lost when WhatsApp delivers it again.
    pub failed: CancellationToken,
}
