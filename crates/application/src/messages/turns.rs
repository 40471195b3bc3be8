//! Turns to fetch files from callers' URLs: some for all, fewer for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wharf_domain::instance::InstanceId;

/// How many files are fetched at once.
const ALL: usize = 16;
/// How many of them for one instance, so that its slow servers keep nobody else waiting.
const EACH: usize = 4;

/// Gives out turns.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<InstanceId, Weak<Semaphore>>>,
}

/// A turn; over when it is dropped.
pub(super) struct Turn {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_each: Option<OwnedSemaphorePermit>,
    /// Kept as long as somebody of the instance has a turn or waits for one.
    _share: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), each: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, instance: InstanceId) -> Turn {
        let share = self.share(instance);
        // Neither semaphore is ever closed. The instance's own first, so that nobody waits with a turn in hand.
        let of_each = share.clone().acquire_owned().await.ok();
        let of_all = self.all.clone().acquire_owned().await.ok();
        Turn { _of_all: of_all, _of_each: of_each, _share: share }
    }

    fn share(&self, instance: InstanceId) -> Arc<Semaphore> {
        // Each change is complete by itself.
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = each.get(&instance).and_then(Weak::upgrade) {
            return share;
        }
        each.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(EACH));
        each.insert(instance, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use wharf_testkit::build;

    use super::*;

    #[tokio::test]
    async fn one_instance_leaves_turns_to_others() {
        let (turns, busy) = (Turns::new(), InstanceId(build::uuid()));
        let mut taken = Vec::new();
        for _ in 0..EACH {
            taken.push(turns.take(busy).await);
        }
        {
            let one_more = turns.take(busy);
            tokio::pin!(one_more);
            assert!(futures::poll!(&mut one_more).is_pending());
            turns.take(InstanceId(build::uuid())).await;
        }
        taken.pop();
        turns.take(busy).await;
    }
}
