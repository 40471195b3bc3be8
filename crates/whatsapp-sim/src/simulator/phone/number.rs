//! Whether others learn the phone's number.

use super::Phone;

impl Phone {
    /// Keeps the number from others, or lets them have it from now on. Who hides it goes by LID, in
    /// every chat and group; whoever knows the number already goes on knowing it.
    pub async fn hide_number(&self, hides: bool) {
        {
            let _change = self.hub.ledger.change();
            self.account.hide_number(hides);
        }
        self.hub.settled().await;
    }

    /// Whether others are told the LID alone.
    #[must_use]
    pub fn hides_number(&self) -> bool {
        self.account.hides_number()
    }
}
