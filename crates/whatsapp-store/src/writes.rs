use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedMutexGuard;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Result};
use crate::pending::Pending;

/// What a backend is writing, and whether it may begin to.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    retired: AtomicBool,
    underway: TaskTracker,
}

impl Writes {
    /// Waits for its turn to write Signal state and what is `pending`; hold the answer while writing.
    pub(crate) async fn turn(&self, pending: &Pending) -> Result<OwnedMutexGuard<()>> {
        let turn = pending.turn().await;
        if self.retired.load(Ordering::SeqCst) { Err(Error::Superseded) } else { Ok(turn) }
    }

    /// Refuses to give any more turns, and returns once everything begun is done.
    pub(crate) async fn retire(&self, pending: &Pending) {
        self.retired.store(true, Ordering::SeqCst);
        drop(pending.turn().await);
        self.underway.close();
        self.underway.wait().await;
    }

    /// Runs `write` to its end, whether or not the caller stays to hear of it.
    pub(crate) async fn see_through<T: Send + 'static>(
        self: &Arc<Self>,
        write: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let itself = self.clone();
        let write = self.underway.spawn(async move {
            let written = write.await;
            // Whoever opens the next backend finds this one until then.
            drop(itself);
            written
        });
        match write.await {
            Ok(written) => written,
            Err(failure) if failure.is_panic() => resume_unwind(failure.into_panic()),
            // The runtime is ending.
            Err(_) => Err(wharf_sql::Error::Closed.into()),
        }
    }
}
