//! Waiting for what other processes do.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Looks again and again until there is something, at most for `limit`.
pub(crate) async fn until<T, L>(
    what: &str,
    limit: Duration,
    every: Duration,
    mut look: impl FnMut() -> L,
) -> Result<T>
where
    L: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("{what}: not within {} seconds", limit.as_secs());
        }
        sleep(every).await;
    }
}
