//! The settings a session goes by, as they are now.

use std::sync::Arc;

use tokio::sync::watch;
use wharf_domain::settings::Settings;

/// The settings of an instance whose supervisor runs. A change counts from the moment it is made here.
#[derive(Debug)]
pub(super) struct LiveSettings(watch::Sender<Versioned>);

#[derive(Clone, Debug, Default)]
struct Versioned {
    /// Grows with every change.
    version: u64,
    settings: Arc<Settings>,
}

/// Sees each change of the settings.
pub(super) struct Follower(watch::Receiver<Versioned>);

impl LiveSettings {
    pub(super) fn new() -> Self {
        Self(watch::Sender::default())
    }

    pub(super) fn now(&self) -> Arc<Settings> {
        self.0.borrow().settings.clone()
    }

    /// Takes a change that has been stored.
    pub(super) fn change(&self, settings: Settings) {
        let settings = Arc::new(settings);
        self.0.send_modify(|live| *live = Versioned { version: live.version + 1, settings });
    }

    /// To be asked before the settings are read from the store.
    pub(super) fn version(&self) -> u64 {
        self.0.borrow().version
    }

    /// Takes what was read from the store, unless a change came since: what was read may be older than that.
    pub(super) fn take(&self, read_at: u64, settings: &Settings) {
        self.0.send_if_modified(|live| {
            let is_news = live.version == read_at && *live.settings != *settings;
            if is_news {
                live.settings = Arc::new(settings.clone());
            }
            is_news
        });
    }

    pub(super) fn follow(&self) -> Follower {
        Follower(self.0.subscribe())
    }
}

impl Follower {
    pub(super) fn now(&mut self) -> Arc<Settings> {
        self.0.borrow_and_update().settings.clone()
    }

    /// Waits for the next change; false when there can be none any more.
    pub(super) async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_undo_it() {
        let live = LiveSettings::new();
        let read_at = live.version();
        live.change(Settings { auto_read_messages: true, ..Settings::default() });
        live.take(read_at, &Settings::default());
        assert!(live.now().auto_read_messages);
        live.take(live.version(), &Settings::default());
        assert!(!live.now().auto_read_messages);
    }
}
