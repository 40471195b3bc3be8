//! When a change is safe: nothing is told to anybody before it is in the journal.
//!
//! A change to several accounts is made under one [`Change`]; the ledger's thread collects what has
//! changed between two of them and commits it in one piece. What is sent meanwhile carries a
//! [`Gate`] and leaves the process once the commit that covers it is done. Without a data directory
//! every gate is open.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::journal::{Batch, Journal, Records};
use crate::error::Result;

/// How long to wait before a commit that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The commit that has to be done before something may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gate(u64);

/// Held while state changes; never across an await, and never twice by one thread.
#[must_use]
pub(crate) struct Change<'l>(
    #[expect(dead_code, reason = "held for its drop")] Option<RwLockReadGuard<'l, ()>>,
);

/// What the ledger's thread asks the state for.
pub(crate) trait Collect: Send + Sync + 'static {
    /// Writes down what has changed in an account since the last time.
    fn collect(&self, number: &str, batch: &mut Batch);
    /// Writes down everything.
    fn collect_all(&self, batch: &mut Batch);
}

/// See the module.
pub(crate) struct Ledger {
    durable: Option<Arc<Durable>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Durable {
    /// Changes read, the collector writes: it sees no change by halves.
    changes: RwLock<()>,
    pending: Mutex<Pending>,
    wake: Condvar,
    committed: watch::Sender<u64>,
}

struct Pending {
    journal: Option<Journal>,
    changed: HashSet<String>,
    /// The number the next commit will have.
    next: u64,
    stopping: bool,
}

impl Ledger {
    /// Opens the ledger, and says what the journal holds.
    pub(crate) fn open(directory: Option<&Path>) -> Result<(Self, Records)> {
        let Some(directory) = directory else {
            return Ok((Self { durable: None, thread: Mutex::new(None) }, Records::new()));
        };
        let (journal, records) = Journal::open(directory)?;
        let pending =
            Pending { journal: Some(journal), changed: HashSet::new(), next: 1, stopping: false };
        let durable = Durable {
            changes: RwLock::new(()),
            pending: Mutex::new(pending),
            wake: Condvar::new(),
            committed: watch::Sender::new(0),
        };
        Ok((Self { durable: Some(Arc::new(durable)), thread: Mutex::new(None) }, records))
    }

    /// Starts committing what `state` says has changed. Once.
    pub(crate) fn start(&self, state: Weak<dyn Collect>) -> Result<()> {
        let Some(durable) = self.durable.clone() else { return Ok(()) };
        let journal = lock(&durable.pending).journal.take();
        let Some(journal) = journal else { return Ok(()) };
        let thread = std::thread::Builder::new()
            .name("whatsapp-sim-journal".to_owned())
            .spawn(move || durable.run(journal, &state))?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Whether anything is written down.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable.is_some()
    }

    /// Announces a change. Taken by whoever starts something: a stanza's arrival, an owner's act.
    pub(crate) fn change(&self) -> Change<'_> {
        Change(
            self.durable
                .as_ref()
                .map(|durable| durable.changes.read().unwrap_or_else(PoisonError::into_inner)),
        )
    }

    /// Notes that an account has changed. Only under a [`Change`].
    pub(crate) fn mark(&self, number: &str) {
        let Some(durable) = &self.durable else { return };
        let mut pending = lock(&durable.pending);
        if pending.changed.is_empty() {
            durable.wake.notify_one();
        }
        if !pending.changed.contains(number) {
            pending.changed.insert(number.to_owned());
        }
    }

    /// What has to be committed before anything about the present state may be told.
    pub(crate) fn gate(&self) -> Gate {
        let Some(durable) = &self.durable else { return Gate(0) };
        let pending = lock(&durable.pending);
        Gate(if pending.changed.is_empty() { pending.next - 1 } else { pending.next })
    }

    /// Waits until the gate is open. It opens when the ledger stops, too.
    pub(crate) async fn passed(&self, gate: Gate) {
        let Some(durable) = &self.durable else { return };
        let mut committed = durable.committed.subscribe();
        // The sender lives in `durable`, so this cannot fail.
        let _ = committed.wait_for(|done| *done >= gate.0).await;
    }

    /// Commits what is left and closes the journal.
    pub(crate) fn stop(&self) {
        let Some(durable) = &self.durable else { return };
        lock(&durable.pending).stopping = true;
        durable.wake.notify_one();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread has panicked");
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let Some(durable) = &self.durable else { return };
        // Not joined: the thread itself may be the last to hold the state.
        lock(&durable.pending).stopping = true;
        durable.wake.notify_one();
    }
}

impl Durable {
    fn run(&self, mut journal: Journal, state: &Weak<dyn Collect>) {
        loop {
            let mut pending = lock(&self.pending);
            while pending.changed.is_empty() && !pending.stopping {
                pending = self.wake.wait(pending).unwrap_or_else(PoisonError::into_inner);
            }
            let last = pending.changed.is_empty();
            drop(pending);
            if last {
                // Whoever still waits is told by the closing connections, not by us.
                self.committed.send_replace(u64::MAX);
                return;
            }

            // A simulator that is gone without having been stopped is as good as killed.
            let Some(state) = state.upgrade() else { return };
            let mut batch = Batch::default();
            let mut everything = journal.wants_compaction().then(Batch::default);
            let number = {
                let _no_change = self.changes.write().unwrap_or_else(PoisonError::into_inner);
                let mut pending = lock(&self.pending);
                let changed = std::mem::take(&mut pending.changed);
                let number = pending.next;
                pending.next += 1;
                drop(pending);
                if let Some(everything) = &mut everything {
                    state.collect_all(everything);
                }
                for account in &changed {
                    state.collect(account, &mut batch);
                }
                number
            };
            drop(state);
            // Changes go on meanwhile: what they mark comes in the commit after this one.
            if let Some(everything) = everything
                && let Err(error) = journal.compact(&everything)
            {
                tracing::error!(%error, "the journal cannot be rewritten");
            }
            if batch.is_empty() || self.commit(&mut journal, &mut batch) {
                self.committed.send_replace(number);
            }
        }
    }

    /// Tries until it is done: until then nothing that depends on it is told. Says whether it was
    /// done before the ledger stopped.
    fn commit(&self, journal: &mut Journal, batch: &mut Batch) -> bool {
        while let Err(error) = journal.commit(batch) {
            tracing::error!(%error, "the journal cannot be written: nothing is told until it can");
            let pending = lock(&self.pending);
            if pending.stopping {
                return false;
            }
            let waited = self.wake.wait_timeout(pending, RETRY);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
