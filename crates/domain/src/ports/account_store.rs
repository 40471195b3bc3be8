use async_trait::async_trait;

use crate::{
    Result,
    account::{Account, AccountId, AccountName},
    cors::Origin,
    token::{Principal, Token},
};

/// Keeps [`Account`]s, and knows whom a token belongs to. Account tokens are kept as hashes only.
///
/// An implementation is right when it passes `wharf_testkit::account_store_contract!`.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Adds an account.
    ///
    /// Fails with `AlreadyExists(Account)` when the name is taken and with `AlreadyExists(Token)` when the token is,
    /// by whichever account or instance; then nothing is written.
    async fn insert(&self, account: &Account, token: &Token) -> Result<()>;

    /// Looks an account up by name.
    async fn find(&self, name: &AccountName) -> Result<Option<Account>>;

    /// Looks an account up by id.
    async fn find_by_id(&self, id: AccountId) -> Result<Option<Account>>;

    /// All accounts, by name.
    async fn list(&self) -> Result<Vec<Account>>;

    /// Replaces the token; the old one is refused from now on. Says whether there was such an account.
    /// Fails with `AlreadyExists(Token)` when the token is taken.
    async fn rotate_token(&self, id: AccountId, token: &Token) -> Result<bool>;

    /// Changes how many instances the account may own. Says whether there was such an account.
    async fn set_quota(&self, id: AccountId, quota: Option<u32>) -> Result<bool>;

    /// Changes which web pages may call. Says whether there was such an account.
    async fn set_cors(&self, id: AccountId, origins: &[Origin]) -> Result<bool>;

    /// Whether any account lets pages of that origin call; a preflight has no token to tell whose it is.
    async fn allows_origin(&self, origin: &Origin) -> Result<bool>;

    /// Removes an account and says whether there was one.
    ///
    /// Fails with `AccountInUse` while it owns instances, unless `force`: then they and all that is theirs go too,
    /// in the same step.
    async fn remove(&self, id: AccountId, force: bool) -> Result<bool>;

    /// Says whom a token belongs to. Not finding anybody is an answer. The look-up is by keyed hash and takes the
    /// same time however much of a token is right.
    async fn identify(&self, token: &Token) -> Result<Option<Principal>>;
}
