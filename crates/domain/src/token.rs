//! The tokens callers prove themselves with.

use crate::{Error, Result, account::AccountId, instance::InstanceId, secret::Secret};

/// A token of an account or of an instance. Unique across the server, both kinds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// The longest token accepted, in bytes.
    pub const MAX: usize = 256;

    /// Accepts 1 to [`Self::MAX`] visible ASCII characters, which is what a header can carry.
    pub fn parse(raw: impl Into<String>) -> Result<Self> {
        let secret = Secret::new(raw);
        let text = secret.expose();
        if text.is_empty() || text.len() > Self::MAX {
            return Err(Error::invalid("token", "must have 1 to 256 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid("token", "must be visible ASCII without spaces"));
        }
        Ok(Self(secret))
    }

    /// Hands the text out.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Who a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The owner of all instances of an account.
    Account(AccountId),
    /// One instance.
    Instance {
        /// The account that owns it.
        account: AccountId,
        /// The instance itself.
        instance: InstanceId,
    },
}

impl Principal {
    /// The account that is acting, directly or through one of its instances.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match self {
            Self::Account(account) | Self::Instance { account, .. } => *account,
        }
    }
}
