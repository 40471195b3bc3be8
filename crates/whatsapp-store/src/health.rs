use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// Whether Signal state may still be written, and in which order.
#[derive(Debug, Default)]
pub(crate) struct Health {
    poisoned: AtomicBool,
    told: CancellationToken,
    /// Shared by the pending-inbound writes, exclusive to a Signal write: whoever saves a ratchet
    /// waits until it is known how the buffering of earlier messages went. The lock is fair, so
    /// neither kind starves.
    order: RwLock<()>,
}

impl Health {
    /// Waits for the pending-inbound writes begun before; hold the answer while writing.
    pub(crate) async fn signal_write(&self) -> Result<RwLockWriteGuard<'_, ()>> {
        let turn = self.order.write().await;
        self.check()?;
        Ok(turn)
    }

    /// Hold the answer while writing.
    pub(crate) async fn pending_write(&self) -> Result<RwLockReadGuard<'_, ()>> {
        let turn = self.order.read().await;
        self.check()?;
        Ok(turn)
    }

    /// From now on nothing of the Signal state is written.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        self.told.cancel();
    }

    pub(crate) fn told(&self) -> CancellationToken {
        self.told.clone()
    }

    fn check(&self) -> Result<()> {
        if self.poisoned.load(Ordering::SeqCst) { Err(Error::Poisoned) } else { Ok(()) }
    }
}
