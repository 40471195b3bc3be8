use async_trait::async_trait;

use crate::{Result, Timestamp, instance::InstanceId, secret::Secret};

/// A right to see the pairing page of one instance, held by whoever has its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageTicket {
    /// What its holder shows; kept as a keyed hash only.
    pub token: Secret,
    /// The instance.
    pub instance: InstanceId,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// Whether it is used up by the first use: a link is, the visit it opens is not.
    pub single_use: bool,
}

/// Keeps tickets to pairing pages.
///
/// An implementation is right when it passes `wharf_testkit::page_access_contract!`.
#[async_trait]
pub trait PageAccess: Send + Sync {
    /// Keeps a ticket, and forgets those that have expired by `now`.
    ///
    /// Fails with `NotFound(Instance)` when there is no such instance.
    async fn grant(&self, ticket: &PageTicket, now: Timestamp) -> Result<()>;

    /// The instance a ticket opens at `now`. A single-use one is gone with the first call, also when callers race.
    async fn admit(&self, token: &Secret, now: Timestamp) -> Result<Option<InstanceId>>;
}
