use std::time::Duration;

use async_trait::async_trait;

use crate::Timestamp;

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns once `pause` has passed. Dropping the future ends the wait.
    async fn sleep(&self, pause: Duration);
}
