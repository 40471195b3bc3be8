//! Accounts, as the operator sees them.

use std::sync::Arc;

use wharf_domain::{
    Error, Resource, Result,
    account::{Account, AccountId, AccountName},
    cors::Origin,
    ports::{AccountStore, Clock, Random},
    token::{Principal, Token},
};

use crate::{Ports, ids};

/// Makes, lists and removes accounts. It works on the store alone, so it may run beside a server.
#[derive(Clone)]
pub struct AccountService {
    accounts: Arc<dyn AccountStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    default_quota: Option<u32>,
}

impl AccountService {
    pub(crate) fn new(ports: &Ports, default_quota: Option<u32>) -> Self {
        Self::on(ports.accounts.clone(), ports.clock.clone(), ports.random.clone(), default_quota)
    }

    /// The same over the three ports it needs, for the command line.
    #[must_use]
    pub fn on(
        accounts: Arc<dyn AccountStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        default_quota: Option<u32>,
    ) -> Self {
        Self { accounts, clock, random, default_quota }
    }

    /// Makes an account and gives its token, which nobody can see again.
    ///
    /// Fails with `AlreadyExists` when the name is taken.
    pub async fn create(&self, name: AccountName, quota: Option<u32>) -> Result<(Account, Token)> {
        let token = ids::token(&*self.random)?;
        let account = self.insert(name, quota, &token).await?;
        Ok((account, token))
    }

    /// All accounts, by name.
    pub async fn list(&self) -> Result<Vec<Account>> {
        self.accounts.list().await
    }

    /// Gives an account a new token; the old one is refused from now on.
    pub async fn rotate_token(&self, name: &AccountName) -> Result<Token> {
        let token = ids::token(&*self.random)?;
        let account = self.find(name).await?;
        Self::there_was(self.accounts.rotate_token(account.id, &token).await?)?;
        Ok(token)
    }

    /// Changes how many instances an account may own.
    pub async fn set_quota(&self, name: &AccountName, quota: Option<u32>) -> Result<()> {
        let account = self.find(name).await?;
        Self::there_was(self.accounts.set_quota(account.id, quota).await?)
    }

    /// Changes which web pages may call with an account's tokens; none of them when the list is empty.
    pub async fn set_cors(&self, name: &AccountName, origins: &[Origin]) -> Result<()> {
        let account = self.find(name).await?;
        Self::there_was(self.accounts.set_cors(account.id, origins).await?)
    }

    /// Removes an account; with `force` all its instances too.
    pub async fn delete(&self, name: &AccountName, force: bool) -> Result<()> {
        let account = self.find(name).await?;
        Self::there_was(self.accounts.remove(account.id, force).await?)
    }

    /// Sees to it that there is somebody to serve.
    ///
    /// Where there is no account it makes one called `default`, with the given token or a new one, and gives the
    /// token when it made it. Where there are accounts, a given token must be one of theirs.
    pub async fn ensure_default(&self, token: Option<Token>) -> Result<Option<Token>> {
        if self.accounts.list().await?.is_empty() {
            let fresh = token.is_none();
            let token = token.map_or_else(|| ids::token(&*self.random), Ok)?;
            self.insert(AccountName::parse("default")?, self.default_quota, &token).await?;
            return Ok(fresh.then_some(token));
        }
        let Some(token) = token else { return Ok(None) };
        match self.accounts.identify(&token).await? {
            Some(Principal::Account(_)) => Ok(None),
            _ => Err(Error::invalid("WHARF_ACCOUNT_TOKEN", "is not the token of any account here")),
        }
    }

    async fn insert(
        &self,
        name: AccountName,
        quota: Option<u32>,
        token: &Token,
    ) -> Result<Account> {
        let now = self.clock.now();
        let account = Account {
            id: AccountId(ids::uuid(now, &*self.random)),
            name,
            quota: quota.or(self.default_quota),
            cors: Vec::new(),
            created_at: now,
        };
        self.accounts.insert(&account, token).await?;
        Ok(account)
    }

    async fn find(&self, name: &AccountName) -> Result<Account> {
        self.accounts.find(name).await?.ok_or(Error::NotFound(Resource::Account))
    }

    fn there_was(was: bool) -> Result<()> {
        was.then_some(()).ok_or(Error::NotFound(Resource::Account))
    }
}

/// A token nobody can guess.
pub fn new_token(random: &dyn Random) -> Result<Token> {
    ids::token(random)
}
