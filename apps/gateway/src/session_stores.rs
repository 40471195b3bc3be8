//! Where the WhatsApp adapter meets its store; neither knows the other.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_domain::{
    Error, Result,
    address::{Jid, PhoneNumber},
    instance::InstanceId,
};
use wharf_whatsapp::{Backend, SessionStores};
use wharf_whatsapp_store::StoreFactory;

/// The session stores of the gateway's database.
pub(crate) struct SqlSessionStores(pub(crate) StoreFactory);

fn unavailable(error: wharf_whatsapp_store::Error) -> Error {
    Error::unavailable("the session store", error)
}

#[async_trait]
impl SessionStores for SqlSessionStores {
    async fn open(&self, instance: InstanceId) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.0.open(instance.0).await.map_err(unavailable)?))
    }

    async fn is_paired(&self, instance: InstanceId) -> Result<bool> {
        Ok(self.0.registered_jid(instance.0).await.map_err(unavailable)?.is_some())
    }

    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>> {
        let users: Vec<_> = lids.iter().map(Jid::user).collect();
        let known = self.0.phones(instance.0, &users).await.map_err(unavailable)?;
        let pairs = known.into_iter().filter_map(|(lid, phone)| {
            let lid = lids.iter().find(|asked| asked.user() == lid)?;
            Some((lid.clone(), Jid::phone(&PhoneNumber::parse(&phone).ok()?)))
        });
        Ok(pairs.collect())
    }

    async fn forget(&self, instance: InstanceId) -> Result<()> {
        self.0.wipe(instance.0).await.map_err(unavailable)
    }
}
