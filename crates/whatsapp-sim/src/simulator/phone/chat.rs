//! Where a phone sends its messages.

use std::sync::Arc;

use wacore_binary::Jid;
use waproto::whatsapp as wa;

use super::Phone;
use crate::error::{Error, Result};
use crate::handset;
use crate::room::{Room, is_room};
use crate::state::account::Account;

/// With whom a chat is.
pub(super) enum Chat {
    /// With one account.
    Person(Arc<Account>),
    /// With many.
    Room(Room),
}

impl Phone {
    /// The chat with a number, or at an address.
    pub(super) fn chat(&self, to: &str) -> Result<Chat> {
        let Some(jid) = to.parse::<Jid>().ok().filter(is_room) else {
            return Ok(Chat::Person(self.recipient(to)?));
        };
        let group = self.hub.groups.get(&jid).ok_or(Error::NotFound("group"))?;
        if !group.members.contains(&self.account.number) {
            return Err(Error::Conflict("the phone's owner is not in the group".to_owned()));
        }
        Ok(Chat::Room(Room::group(&self.hub, &group)))
    }

    /// Sends a message to all devices in a chat; gives its id.
    pub(super) async fn post(&self, chat: &Chat, message: &wa::Message) -> Result<String> {
        let id = {
            let _change = self.hub.ledger.change();
            let (hub, account) = (&self.hub, &self.account);
            let (id, parcels) = match chat {
                Chat::Person(person) => handset::send(hub, account, person, message),
                Chat::Room(room) => handset::send_to_room(hub, account, room, message)
                    .map_err(|error| Error::Crypto(error.into()))?,
            };
            self.hub.deliver(parcels);
            id
        };
        self.hub.settled().await;
        Ok(id)
    }
}
