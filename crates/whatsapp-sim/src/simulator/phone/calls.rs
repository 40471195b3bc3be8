//! A phone that rings, and rings others.

use wacore_binary::Jid;

use super::Phone;
use crate::error::{Error, Result};
use crate::handset::{self, Called};
use crate::phone::calls::{CallAct, CallState, ShownCall};
use crate::room::{Room, is_room};
use crate::state::groups::Refusal;

impl Phone {
    /// Calls somebody, or a group: the phones and the companions there ring. Gives the call's id.
    pub async fn call(&self, to: &str, video: bool) -> Result<String> {
        self.ring(&self.called(to, true)?, video).await
    }

    /// Begins a call in a group without that it rings: the others are told that they may join.
    pub async fn announce_call(&self, group: &str, video: bool) -> Result<String> {
        match self.called(group, false)? {
            Called::Person(_) => Err(Error::Invalid(format!("`{group}` is no group's address"))),
            called @ Called::Group { .. } => self.ring(&called, video).await,
        }
    }

    /// Ends a call, or rejects one that comes in.
    pub async fn hang_up(&self, call: &str) -> Result<()> {
        self.act_on_call(call, CallAct::HangUp { seconds: None }).await
    }

    /// Answers a call.
    pub async fn accept_call(&self, call: &str) -> Result<()> {
        self.act_on_call(call, CallAct::Accept { relayed: false }).await
    }

    /// Does something about a call.
    pub async fn act_on_call(&self, call: &str, act: CallAct) -> Result<()> {
        {
            let _change = self.hub.ledger.change();
            let parcels = handset::act(&self.hub, &self.account, call, act)?;
            self.hub.deliver(parcels);
        }
        self.hub.settled().await;
        Ok(())
    }

    /// The calls since the simulator's start, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<ShownCall> {
        self.account.lock().handset.calls.list()
    }

    /// Waits until a call stands like that.
    pub async fn wait_for_call(&self, call: &str, state: CallState) -> Result<ShownCall> {
        let is = || {
            let account = self.account.lock();
            let call = account.handset.calls.find(call).map(|call| call.shown.clone());
            call.filter(|call| call.state == state)
        };
        self.wait_for("a call", is).await
    }

    fn called(&self, to: &str, rings: bool) -> Result<Called> {
        let Some(jid) = to.parse::<Jid>().ok().filter(is_room) else {
            return Ok(Called::Person(self.recipient(to)?));
        };
        let group = self.hub.groups.get(&jid).ok_or(Error::NotFound("group"))?;
        if !group.has(&self.account.number) {
            return Err(Refusal::NotAMember.into());
        }
        Ok(Called::Group { room: Room::group(&self.hub, &group), rings })
    }

    async fn ring(&self, called: &Called, video: bool) -> Result<String> {
        let id = {
            let _change = self.hub.ledger.change();
            let (id, parcels) = handset::ring(&self.account, called, video)?;
            self.hub.deliver(parcels);
            id
        };
        self.hub.settled().await;
        Ok(id)
    }
}
