//! A phone that rings, and rings others.

use super::Phone;
use crate::error::Result;
use crate::handset;
use crate::phone::calls::{CallState, ShownCall};

impl Phone {
    /// Calls somebody: the phone and the companions there ring. Gives the call's id.
    pub async fn call(&self, to: &str, video: bool) -> Result<String> {
        let callee = self.recipient(to)?;
        let id = {
            let _change = self.hub.ledger.change();
            let (id, parcels) = handset::ring(&self.account, &callee, video)?;
            self.hub.deliver(parcels);
            id
        };
        self.hub.settled().await;
        Ok(id)
    }

    /// Gives up a call made here, or rejects one that comes in.
    pub async fn hang_up(&self, call: &str) -> Result<()> {
        {
            let _change = self.hub.ledger.change();
            let parcels = handset::hang_up(&self.hub, &self.account, call)?;
            self.hub.deliver(parcels);
        }
        self.hub.settled().await;
        Ok(())
    }

    /// The calls since the simulator's start, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<ShownCall> {
        self.account.lock().handset.calls.list().to_vec()
    }

    /// Waits until a call stands like that.
    pub async fn wait_for_call(&self, call: &str, state: CallState) -> Result<ShownCall> {
        let is = || {
            let account = self.account.lock();
            account.handset.calls.find(call).filter(|call| call.state == state).cloned()
        };
        self.wait_for("a call", is).await
    }
}
