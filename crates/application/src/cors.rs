//! Which web pages may call.

use std::sync::Arc;

use wharf_domain::{Result, account::AccountId, cors::Origin, ports::AccountStore};

/// Says which web pages may call. Asks the store every time, so that a change made beside the server counts at once.
#[derive(Clone)]
pub struct CorsService {
    accounts: Arc<dyn AccountStore>,
}

impl CorsService {
    pub(crate) fn new(accounts: Arc<dyn AccountStore>) -> Self {
        Self { accounts }
    }

    /// Whether pages of that origin may call for any account: all a preflight can be answered by, since it carries no
    /// token.
    pub async fn allows_any(&self, origin: &Origin) -> Result<bool> {
        self.accounts.allows_origin(origin).await
    }

    /// Whether pages of that origin may call for this account.
    pub async fn allows(&self, account: AccountId, origin: &Origin) -> Result<bool> {
        let account = self.accounts.find_by_id(account).await?;
        Ok(account.is_some_and(|account| account.cors.contains(origin)))
    }
}
