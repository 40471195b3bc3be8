//! What the server has counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// See the module.
#[derive(Default)]
pub(crate) struct Stats {
    unknown: Mutex<BTreeMap<String, u64>>,
    messages: AtomicU64,
    redelivered: AtomicU64,
}

impl Stats {
    /// Counts a request that was answered with an error because the server does not know it.
    pub(crate) fn count_unknown(&self, request: String) {
        tracing::warn!(%request, "a client sent something the simulator does not know");
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        *unknown.entry(request).or_default() += 1;
    }

    /// Counts a message taken from a client or a phone.
    pub(crate) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that a fault has delivered to a device again.
    pub(crate) fn count_redelivered(&self) {
        self.redelivered.fetch_add(1, Ordering::Relaxed);
    }

    /// The messages delivered again so far.
    pub(crate) fn redelivered(&self) -> u64 {
        self.redelivered.load(Ordering::Relaxed)
    }

    /// The requests that were not known, and how often.
    pub(crate) fn unknown(&self) -> BTreeMap<String, u64> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The messages taken so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}
