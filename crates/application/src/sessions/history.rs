//! What becomes of the history that a phone offers.

use wharf_domain::{Result, ports::HistoryBatch};

use super::observer::Observer;
use crate::recorder::patiently;

/// How many messages are written in one step.
const AT_ONCE: usize = 500;

impl Observer {
    /// Stores a piece of history but for what the settings keep out. No event is made of it.
    pub(super) async fn take_in(&self, batch: HistoryBatch) -> Result<()> {
        let settings = self.settings.now();
        let offered = batch.messages.len();
        let mut messages = batch.messages;
        messages.retain(|historic| super::observer::is_wanted(&historic.message, &settings));
        let (store, clock) = (&self.shared.messages, &*self.shared.clock);
        let mut new = 0;
        for piece in messages.chunks(AT_ONCE) {
            new += patiently(clock, || store.import(self.instance, piece)).await?;
        }
        tracing::info!(
            instance = %self.instance.0,
            percent = batch.progress,
            offered,
            new,
            "history taken in"
        );
        Ok(())
    }
}
