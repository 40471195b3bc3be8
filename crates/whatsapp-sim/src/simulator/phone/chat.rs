//! Where a phone sends its messages, and what it says there.

use std::sync::Arc;

use wacore_binary::{Jid, JidExt as _};
use waproto::whatsapp as wa;

use super::Phone;
use crate::clock;
use crate::error::{Error, Result};
use crate::handset;
use crate::phone::saying::{Manner, Saying, Scene};
use crate::room::{Room, is_room};
use crate::state::account::Account;
use crate::state::groups::Refusal;

/// With whom a chat is.
pub(super) enum Chat {
    /// With one account.
    Person(Arc<Account>),
    /// With many.
    Room(Room),
    /// With all who follow a newsletter.
    Newsletter(Jid),
}

impl Phone {
    /// Says something. `to` is a phone number or an address: a group's, a newsletter's or
    /// `status@broadcast`, too. Gives the message's id.
    pub async fn say(&self, to: &str, saying: &Saying, manner: &Manner) -> Result<String> {
        let chat = self.chat_among(to, &manner.viewers)?;
        if let Chat::Newsletter(newsletter) = &chat {
            return self.tell_followers(newsletter, saying, manner).await;
        }
        let message = self.in_chat(&chat, |scene| saying.message(scene, manner))?;
        self.post(&chat, &message).await
    }

    /// The chat with a number, or at an address.
    pub(super) fn chat(&self, to: &str) -> Result<Chat> {
        self.chat_among(to, &[])
    }

    /// The same; the status is for `viewers`.
    pub(super) fn chat_among(&self, to: &str, viewers: &[String]) -> Result<Chat> {
        let jid = to.parse::<Jid>().ok();
        if let Some(newsletter) = jid.as_ref().filter(|jid| jid.is_newsletter()) {
            return Ok(Chat::Newsletter(newsletter.clone()));
        }
        let Some(room) = jid.filter(is_room) else {
            return Ok(Chat::Person(self.recipient(to)?));
        };
        if room.is_status_broadcast() {
            return Ok(Chat::Room(self.viewers(viewers)?));
        }
        let group = self.hub.groups.get(&room).ok_or(Error::NotFound("group"))?;
        if !group.has(&self.account.number) {
            return Err(Refusal::NotAMember.into());
        }
        if !group.may_write(&self.account.number) {
            return Err(Refusal::NotAllowed.into());
        }
        Ok(Chat::Room(Room::group(&self.hub, &group)))
    }

    /// What `write` makes of the chat as the phone knows it.
    pub(super) fn in_chat<T>(
        &self,
        chat: &Chat,
        write: impl FnOnce(&Scene<'_>) -> Result<T>,
    ) -> Result<T> {
        let (jid, server) = match chat {
            Chat::Person(person) => {
                let server = self.account.server_with(person);
                (person.jid(server, 0), server)
            }
            Chat::Room(room) => (room.jid.clone(), self.account.shown_server(room.server)),
            Chat::Newsletter(newsletter) => (newsletter.clone(), self.account.preferred_server()),
        };
        let address = |called: &str| {
            let other = self.recipient(called).ok()?;
            Some(other.jid(other.shown_server(server), 0))
        };
        let own = self.account.jid(self.account.shown_server(server), 0);
        let state = self.account.lock();
        write(&Scene {
            chat: &jid,
            own: &own,
            inbox: &state.handset.inbox,
            address: &address,
            now: clock::signed_milliseconds(),
        })
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
                Chat::Newsletter(newsletter) => self.publish(newsletter, message)?,
            };
            self.hub.deliver(parcels);
            id
        };
        self.hub.settled().await;
        Ok(id)
    }
}
