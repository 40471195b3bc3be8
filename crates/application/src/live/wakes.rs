use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Notify;
use wharf_domain::instance::InstanceId;

/// Tells whoever follows an instance's log that there may be something new in it. Where nobody does, it does nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes(Arc<Mutex<HashMap<InstanceId, Weak<Notify>>>>);

impl Wakes {
    /// Something was recorded, or settled, or is no more.
    pub(crate) fn wake(&self, instance: InstanceId) {
        // Each change is complete by itself.
        let following = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = following.get(&instance).and_then(Weak::upgrade) {
            wake.notify_one();
        }
    }

    /// Has an instance followed by whoever holds what this gives; it takes the place of who followed it before.
    pub(super) fn follow(&self, instance: InstanceId) -> Arc<Notify> {
        let mut following = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        following.retain(|_, wake| wake.strong_count() > 0);
        let wake = Arc::new(Notify::new());
        following.insert(instance, Arc::downgrade(&wake));
        wake
    }
}
