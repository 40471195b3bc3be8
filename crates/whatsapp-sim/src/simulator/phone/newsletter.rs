//! Newsletters that the owner writes or follows.

use wacore::send::{media_type_from_message, stanza_type_from_message};
use wacore_binary::Jid;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use super::Phone;
use super::chat::Chat;
use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Parcel, stanza_id};
use crate::newsletter::{self, Publication};
use crate::phone::inbox::Origin;
use crate::phone::saying::{Manner, Saying};

impl Phone {
    /// Says something in a newsletter: posts it, changes or withdraws a post, or reacts to one.
    pub(super) async fn tell_followers(
        &self,
        newsletter: &Jid,
        saying: &Saying,
        manner: &Manner,
    ) -> Result<String> {
        let chat = Chat::Newsletter(newsletter.clone());
        let (post, parcels) = match saying {
            Saying::Reaction { message_id, emoji } => {
                let _change = self.hub.ledger.change();
                let parcels =
                    newsletter::react(&self.hub, newsletter, &self.account, message_id, emoji)?;
                (message_id, parcels)
            }
            Saying::Edit { message_id, text, .. } => {
                let message =
                    wa::Message { conversation: Some(text.clone()), ..Default::default() };
                (message_id, self.replace_post(newsletter, message_id, Some(&message))?)
            }
            Saying::Revoke { message_id } => {
                (message_id, self.replace_post(newsletter, message_id, None)?)
            }
            Saying::PollVote { .. } => {
                return Err(Error::Invalid("a newsletter's polls are not voted in".to_owned()));
            }
            _ => {
                let message = self.in_chat(&chat, |scene| saying.message(scene, manner))?;
                return self.post(&chat, &message).await;
            }
        };
        {
            let _change = self.hub.ledger.change();
            self.hub.deliver(parcels);
        }
        self.hub.settled().await;
        Ok(post.clone())
    }

    /// Posts a message; gives its id. Under a change.
    pub(super) fn publish(
        &self,
        newsletter: &Jid,
        message: &wa::Message,
    ) -> Result<(String, Vec<Parcel>)> {
        let id = stanza_id();
        let publication = Publication {
            id: &id,
            kind: stanza_type_from_message(message),
            media: media_type_from_message(message),
            content: &message.encode_to_vec(),
            replaces: false,
        };
        let own = self.account.device(0);
        let parcels = newsletter::publish(&self.hub, newsletter, &own, &publication)?;
        let from = self.jid();
        let chat = newsletter.to_string();
        let origin = Origin {
            id: &id,
            chat: &chat,
            from: &from,
            from_me: true,
            timestamp: clock::seconds(),
        };
        let mut state = self.account.lock();
        state.inbox().sent(origin, message);
        state.note_message(&id);
        drop(state);
        self.account.stir();
        Ok((id, parcels))
    }

    fn replace_post(
        &self,
        newsletter: &Jid,
        post: &str,
        message: Option<&wa::Message>,
    ) -> Result<Vec<Parcel>> {
        let publication = Publication {
            id: post,
            kind: message.map_or("text", stanza_type_from_message),
            media: message.and_then(media_type_from_message),
            content: &message.map(wa::Message::encode_to_vec).unwrap_or_default(),
            replaces: true,
        };
        let _change = self.hub.ledger.change();
        newsletter::publish(&self.hub, newsletter, &self.account.device(0), &publication)
    }
}
