//! Receipts of any kind, as a phone or its server gives them.

use super::Phone;
use crate::error::Result;
use crate::handset;
pub use crate::handset::Telling;

impl Phone {
    /// Tells how far messages of one author in one chat have got, truly or not.
    pub async fn tell(&self, messages: &[&str], telling: Telling) -> Result<()> {
        {
            let _change = self.hub.ledger.change();
            let parcels = handset::tell(&self.hub, &self.account, messages, telling)?;
            self.hub.deliver(parcels);
        }
        self.hub.settled().await;
        Ok(())
    }
}
