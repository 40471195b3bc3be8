use async_trait::async_trait;

use crate::Result;

/// Says whether a part we depend on works.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// The part's name in the health answer, such as `db`.
    fn name(&self) -> &'static str;

    /// Tries the part out, now.
    async fn check(&self) -> Result<()>;
}
