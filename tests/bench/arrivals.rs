//! Who waits for what, by a text that occurs once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Things that are expected before they can arrive.
pub(crate) struct Arrivals<T>(Mutex<HashMap<String, oneshot::Sender<T>>>);

impl<T> Default for Arrivals<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Arrivals<T> {
    pub(crate) fn expect(&self, key: &str) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(key.to_owned(), sender);
        receiver
    }

    /// Tells whoever waits for it. What nobody waits for, or what comes again, is passed over.
    pub(crate) fn arrived(&self, key: &str, what: T) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(waiting) = waiting {
            let _ = waiting.send(what);
        }
    }
}
