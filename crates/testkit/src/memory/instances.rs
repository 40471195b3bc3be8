use async_trait::async_trait;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    account::AccountId,
    instance::{Instance, InstanceId, InstanceName},
    ports::{InstanceChange, InstanceStore},
    state::Standing,
    token::Principal,
    webhook::Webhook,
};

use super::InMemoryStore;

#[async_trait]
impl InstanceStore for InMemoryStore {
    async fn insert(&self, instance: &Instance, webhook: Option<&Webhook>) -> Result<()> {
        let mut state = self.step()?;
        let account = state.accounts.get(&instance.account);
        let quota = account.ok_or(Error::NotFound(Resource::Account))?.quota;
        let is_same =
            |other: &&Instance| other.account == instance.account && other.name == instance.name;
        if state.instances.values().find(is_same).is_some()
            || state.instances.contains_key(&instance.id)
            || state.is_token_taken(&instance.token)
        {
            return Err(Error::AlreadyExists(Resource::Instance));
        }
        let owned = state.instances.values().filter(|other| other.account == instance.account);
        let owned = owned.count();
        if quota.is_some_and(|quota| owned >= quota as usize) {
            return Err(Error::QuotaExceeded);
        }
        let principal = Principal::Instance { account: instance.account, instance: instance.id };
        state.tokens.push((instance.token.clone(), principal));
        state.instances.insert(instance.id, instance.clone());
        if let Some(webhook) = webhook {
            state.webhooks.insert(webhook.id, (instance.id, webhook.clone()));
        }
        Ok(())
    }

    async fn find(&self, account: AccountId, name: &InstanceName) -> Result<Option<Instance>> {
        let state = self.step()?;
        let is_it = |one: &&Instance| one.account == account && one.name == *name;
        Ok(state.instances.values().find(is_it).cloned())
    }

    async fn find_by_id(&self, id: InstanceId) -> Result<Option<Instance>> {
        Ok(self.step()?.instances.get(&id).cloned())
    }

    async fn list(&self, account: AccountId) -> Result<Vec<Instance>> {
        let state = self.step()?;
        let own = state.instances.values().filter(|instance| instance.account == account);
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by_key(|instance| (instance.created_at, instance.id));
        Ok(own)
    }

    async fn standings(&self) -> Result<Vec<(InstanceId, Standing)>> {
        let state = self.step()?;
        Ok(state.instances.values().map(|one| (one.id, one.standing.clone())).collect())
    }

    async fn update(
        &self,
        id: InstanceId,
        changes: &[InstanceChange],
        now: Timestamp,
    ) -> Result<bool> {
        let mut state = self.step()?;
        let Some(instance) = state.instances.get_mut(&id) else { return Ok(false) };
        for change in changes {
            match change.clone() {
                InstanceChange::Standing(standing) => instance.standing = standing,
                InstanceChange::Profile(profile) => instance.profile = profile,
                InstanceChange::Settings(settings) => instance.settings = settings,
                InstanceChange::Proxy(proxy) => {
                    (instance.proxy, instance.proxy_problem) = (proxy, None);
                }
                InstanceChange::WebSocket(websocket) => instance.websocket = Some(websocket),
                InstanceChange::S3(s3) => instance.s3 = s3,
            }
        }
        instance.updated_at = now;
        Ok(true)
    }

    async fn remove(&self, id: InstanceId) -> Result<bool> {
        Ok(self.step()?.remove_instance(id))
    }
}
