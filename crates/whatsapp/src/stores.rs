use std::sync::Arc;

use async_trait::async_trait;
pub use wacore::store::traits::Backend;
use wharf_domain::{Result, address::Jid, instance::InstanceId};

/// Where the keys of the instances are.
#[async_trait]
pub trait SessionStores: Send + Sync {
    /// Opens the store of an instance, empty when it has none yet.
    ///
    /// It must not save a ratchet without the received message that moved it, as long as that is not deleted again: WhatsApp's
    /// next delivery of the message would be taken for a duplicate, and the message be lost.
    async fn open(&self, instance: InstanceId) -> Result<Arc<dyn Backend>>;

    /// Whether the instance has the keys of a paired device.
    async fn is_paired(&self, instance: InstanceId) -> Result<bool>;

    /// The phone JIDs of LIDs, as pairs of LID and phone JID, as far as the instance has learnt them. Its store may be in
    /// use meanwhile.
    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>>;

    /// Removes everything of an instance, in one step. Called only while its store is not in use.
    async fn forget(&self, instance: InstanceId) -> Result<()>;
}
