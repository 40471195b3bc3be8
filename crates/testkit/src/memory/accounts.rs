use async_trait::async_trait;
use wharf_domain::{
    Error, Resource, Result,
    account::{Account, AccountId, AccountName},
    cors::Origin,
    instance::InstanceId,
    ports::AccountStore,
    token::{Principal, Token},
};

use super::{InMemoryStore, State};

impl State {
    fn owned_by(&self, account: AccountId) -> Vec<InstanceId> {
        let own = self.instances.values().filter(|instance| instance.account == account);
        own.map(|instance| instance.id).collect()
    }
}

#[async_trait]
impl AccountStore for InMemoryStore {
    async fn insert(&self, account: &Account, token: &Token) -> Result<()> {
        let mut state = self.step()?;
        let is_taken = |other: &Account| other.id == account.id || other.name == account.name;
        if state.accounts.values().any(is_taken) {
            return Err(Error::AlreadyExists(Resource::Account));
        }
        if state.is_token_taken(token) {
            return Err(Error::AlreadyExists(Resource::Token));
        }
        state.accounts.insert(account.id, account.clone());
        state.tokens.push((token.clone(), Principal::Account(account.id)));
        Ok(())
    }

    async fn find(&self, name: &AccountName) -> Result<Option<Account>> {
        Ok(self.step()?.accounts.values().find(|account| account.name == *name).cloned())
    }

    async fn find_by_id(&self, id: AccountId) -> Result<Option<Account>> {
        Ok(self.step()?.accounts.get(&id).cloned())
    }

    async fn list(&self) -> Result<Vec<Account>> {
        let mut accounts: Vec<_> = self.step()?.accounts.values().cloned().collect();
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    async fn rotate_token(&self, id: AccountId, token: &Token) -> Result<bool> {
        let mut state = self.step()?;
        if !state.accounts.contains_key(&id) {
            return Ok(false);
        }
        let own = Principal::Account(id);
        if state.tokens.iter().any(|(taken, holder)| taken == token && *holder != own) {
            return Err(Error::AlreadyExists(Resource::Token));
        }
        state.tokens.retain(|(_, holder)| *holder != own);
        state.tokens.push((token.clone(), own));
        Ok(true)
    }

    async fn set_quota(&self, id: AccountId, quota: Option<u32>) -> Result<bool> {
        let mut state = self.step()?;
        let account = state.accounts.get_mut(&id);
        Ok(account.map(|account| account.quota = quota).is_some())
    }

    async fn set_cors(&self, id: AccountId, origins: &[Origin]) -> Result<bool> {
        let mut state = self.step()?;
        let account = state.accounts.get_mut(&id);
        Ok(account.map(|account| account.cors = origins.to_vec()).is_some())
    }

    async fn allows_origin(&self, origin: &Origin) -> Result<bool> {
        let state = self.step()?;
        Ok(state.accounts.values().any(|account| account.cors.contains(origin)))
    }

    async fn remove(&self, id: AccountId, force: bool) -> Result<bool> {
        let mut state = self.step()?;
        if !state.accounts.contains_key(&id) {
            return Ok(false);
        }
        let instances = state.owned_by(id);
        if !instances.is_empty() && !force {
            return Err(Error::AccountInUse(instances.len() as u64));
        }
        for instance in instances {
            state.remove_instance(instance);
        }
        state.tokens.retain(|(_, holder)| *holder != Principal::Account(id));
        Ok(state.accounts.remove(&id).is_some())
    }

    async fn identify(&self, token: &Token) -> Result<Option<Principal>> {
        let state = self.step()?;
        let holder = state.tokens.iter().find(|(known, _)| known == token);
        Ok(holder.map(|(_, principal)| *principal))
    }
}
