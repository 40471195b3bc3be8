//! Accounts: who owns instances.

use uuid::Uuid;

use crate::{Error, Result, Timestamp, cors::Origin};

/// Identifies an account for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub Uuid);

/// The operator's name for an account. Unique on the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    /// Accepts 1 to 100 letters, digits, `_`, `-` and `.`.
    pub fn parse(raw: impl Into<String>) -> Result<Self> {
        let raw = raw.into();
        let well_formed = (1..=100).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        well_formed
            .then_some(Self(raw))
            .ok_or(Error::invalid("name", "must be 1 to 100 letters, digits, `_`, `-` or `.`"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An owner of instances. Its token is kept as a hash only and is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Identifies it for life.
    pub id: AccountId,
    /// The operator's name for it.
    pub name: AccountName,
    /// How many instances it may own; `None` is unlimited.
    pub quota: Option<u32>,
    /// Which web pages may call with its tokens; none by default.
    pub cors: Vec<Origin>,
    /// When it was created.
    pub created_at: Timestamp,
}
