//! What a phone tells new companions of the past.

use super::Phone;
use crate::error::{Error, Result};
use crate::hub::stanza_id;
use crate::phone::history::{HistoryOffer, PastMessage};
use crate::stanza::fields::Fields as _;

impl Phone {
    /// Adds to what companions that are linked from now on are offered of the past.
    pub async fn add_history(&self, messages: Vec<PastMessage>) -> Result<()> {
        let is_number = |with: &str| !with.is_empty() && with.bytes().all(|b| b.is_ascii_digit());
        if let Some(message) = messages.iter().find(|message| !is_number(&message.with)) {
            return Err(Error::Invalid(format!("`{}` is no phone number", message.with)));
        }
        {
            let _change = self.hub.ledger.change();
            let messages = messages.into_iter().map(|message| (stanza_id(), message));
            self.account.lock().history().add(messages);
        }
        self.hub.settled().await;
        Ok(())
    }

    /// What companions have been offered since the start, and whether they have taken it.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryOffer> {
        let state = self.account.lock();
        let offers = state.handset.history.offers().iter();
        offers
            .map(|offered| {
                let offer = offered.offer.clone();
                let acknowledged = state.devices.get(&offer.device).is_some_and(|device| {
                    let mut ids = device.queue.iter().filter_map(|(_, stanza)| stanza.text("id"));
                    ids.all(|id| id != offer.message_id)
                });
                let downloads = self.hub.media.downloads(&offered.file);
                HistoryOffer { acknowledged, downloads, ..offer }
            })
            .collect()
    }
}
