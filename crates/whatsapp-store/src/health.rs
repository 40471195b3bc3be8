use std::future::{Future, ready};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::Either;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Result};

/// Whether Signal state may still be written, and in which order; and what is being written.
#[derive(Debug, Default)]
pub(crate) struct Health {
    poisoned: AtomicBool,
    told: CancellationToken,
    retired: AtomicBool,
    /// Shared by the pending-inbound writes, exclusive to a Signal write: whoever saves a ratchet
    /// waits until it is known how the buffering of earlier messages went. The lock is fair, so
    /// neither kind starves.
    order: Arc<RwLock<()>>,
    writes: TaskTracker,
}

impl Health {
    /// Waits for the pending-inbound writes begun before; hold the answer while writing.
    pub(crate) async fn signal_write(&self) -> Result<OwnedRwLockWriteGuard<()>> {
        let turn = self.order.clone().write_owned().await;
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Error::Poisoned);
        }
        self.check_retired()?;
        Ok(turn)
    }

    /// Stands in line at once; hold what comes of it while writing. Also open to a poisoned backend: each message that
    /// is put down is one that is not lost.
    pub(crate) fn pending_write(
        &self,
    ) -> impl Future<Output = OwnedRwLockReadGuard<()>> + Send + use<> {
        let mut turn = Box::pin(self.order.clone().read_owned());
        match turn.as_mut().now_or_never() {
            Some(turn) => Either::Left(ready(turn)),
            None => Either::Right(turn),
        }
    }

    /// From now on nothing of the Signal state is written.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        self.told.cancel();
    }

    pub(crate) fn told(&self) -> CancellationToken {
        self.told.clone()
    }

    /// Refuses all that begins from now on to write what messages hang on, and returns once everything begun is done.
    pub(crate) async fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        drop(self.order.write().await);
        self.writes.close();
        self.writes.wait().await;
    }

    pub(crate) fn check_retired(&self) -> Result<()> {
        if self.retired.load(Ordering::SeqCst) { Err(Error::Superseded) } else { Ok(()) }
    }

    /// Runs `write` to its end, whether or not the caller stays to hear of it.
    pub(crate) async fn see_through<T: Send + 'static>(
        self: &Arc<Self>,
        write: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let itself = self.clone();
        let write = self.writes.spawn(async move {
            let _until_done = itself;
            write.await
        });
        match write.await {
            Ok(written) => written,
            Err(failure) if failure.is_panic() => resume_unwind(failure.into_panic()),
            // The runtime is ending.
            Err(_) => Err(wharf_sql::Error::Closed.into()),
        }
    }
}

/// Poisons the backend when it is dropped before its time.
pub(crate) struct PoisonUnlessDone(Option<Arc<Health>>);

impl PoisonUnlessDone {
    pub(crate) fn new(health: &Arc<Health>) -> Self {
        Self(Some(health.clone()))
    }

    /// The message is put down.
    pub(crate) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for PoisonUnlessDone {
    fn drop(&mut self) {
        if let Some(health) = &self.0 {
            health.poison();
            tracing::error!("an inbound message was not buffered");
        }
    }
}
