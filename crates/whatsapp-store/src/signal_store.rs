use std::iter;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::error::Result;
use wacore::store::traits::SignalStore;

use crate::SqlBackend;

#[async_trait]
impl SignalStore for SqlBackend {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        Ok(self.save_identities(iter::once((address, key))).await?)
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        Ok(self.save_identities(identities.iter().map(|(a, key)| (&**a, *key))).await?)
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        Ok(self.find_identity(address).await?)
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        Ok(self.remove_identity(address).await?)
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.find_session(address).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        Ok(self.save_sessions(iter::once((address, session))).await?)
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        Ok(self.save_sessions(sessions.iter().map(|(a, session)| (&**a, &**session))).await?)
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        Ok(self.remove_session(address).await?)
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self.contains_session(address).await?)
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        Ok(self.find_user(user).await?)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        Ok(self.save_prekeys(iter::once((id, record)), uploaded).await?)
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        Ok(self.save_prekeys(keys.iter().map(|(id, key)| (*id, &**key)), uploaded).await?)
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.find_prekey(id).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let found = self.find_prekeys(ids).await?;
        Ok(found.into_iter().map(|(id, record)| (id, Bytes::from(record))).collect())
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        Ok(self.mark_uploaded(ids).await?)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        Ok(self.discard_prekey(id).await?)
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        Ok(self.highest_prekey_id().await?)
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        Ok(self.save_signed_prekey(id, record).await?)
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        Ok(self.find_signed_prekey(id).await?)
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(self.list_signed_prekeys().await?)
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        Ok(self.discard_signed_prekey(id).await?)
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        Ok(self.save_sender_keys(iter::once((address, record))).await?)
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        Ok(self.save_sender_keys(sender_keys.iter().map(|(a, key)| (&**a, &**key))).await?)
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.find_sender_key(address).await?)
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        Ok(self.remove_sender_key(address).await?)
    }
}
