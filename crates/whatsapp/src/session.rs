mod core;
mod identity;
mod media;
mod pairing;
mod picture;
mod presence;
mod send;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::iq::devices::RemoveCompanionDeviceSpec;
use wharf_domain::{
    Error, Result, Timestamp,
    address::{Jid, Party, PhoneNumber},
    media::{MediaBody, OutgoingMedia},
    message::{Chat, MessageId, Quote},
    pairing::PairingCode,
    ports::{IncomingCall, Outgoing, PreparedMedia, Session, SessionEnd, SessionEvent},
};

pub(crate) use self::core::Core;
use crate::{
    convert,
    failure::in_our_words,
    lookup::{Known, Lookups},
};

/// A running session. Dropping it ends it as an abort does.
pub(crate) struct LiveSession {
    pub(crate) core: Arc<Core>,
    pub(crate) lookups: Lookups,
}

impl Drop for LiveSession {
    fn drop(&mut self) {
        self.core.drop_now(SessionEnd::Stopped);
    }
}

#[async_trait]
impl Session for LiveSession {
    async fn pairing_code(&self, number: &PhoneNumber) -> Result<PairingCode> {
        self.core.pairing_code(number).await
    }

    async fn look_up(&self, number: &PhoneNumber) -> Result<Option<Party>> {
        let now = self.core.clock.now();
        match self.lookups.recall(number, now) {
            Known::Registered(party) => return Ok(Some(party)),
            Known::Unregistered => return Ok(None),
            Known::Nothing => {}
        }
        let client = self.core.ready()?;
        let forms = number.forms();
        let asked: Vec<_> =
            forms.iter().map(|form| wacore_binary::Jid::pn(form.as_str())).collect();
        let answers = self.core.answer(async {
            client.contacts().is_on_whatsapp(&asked).await.map_err(|e| in_our_words(&e))
        });
        let found = convert::registered(&forms, &answers.await?);
        self.lookups.remember(number, found.clone(), now);
        Ok(found)
    }

    fn dress(&self, chat: &mut Chat) {
        self.core.groups.dress(chat, self.core.clock.now());
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Timestamp> {
        self.core.send(outgoing).await
    }

    fn encode_text(&self, text: &str, quote: Option<(&Quote, &Jid, Option<&Bytes>)>) -> Bytes {
        convert::encode_text(text, quote)
    }

    async fn prepare_media(
        &self,
        media: &OutgoingMedia,
        quote: Option<(&Quote, &Jid, Option<&Bytes>)>,
    ) -> Result<PreparedMedia> {
        self.core.prepare_media(media, quote).await
    }

    async fn download(&self, raw: &Bytes, limit: u64) -> Result<MediaBody> {
        self.core.download(raw, limit).await
    }

    async fn reject_call(&self, call: &IncomingCall) -> Result<()> {
        let client = self.core.ready()?;
        let (peer, creator) = self.core.calls.way_back(call);
        let rejected = client.voip().reject_call(&call.id, &peer, &creator).await;
        rejected.map_err(|e| in_our_words(&e))?;
        let known = self.core.calls.known(&call.id);
        self.core.calls.declined(&call.id);
        let group = known.and_then(|known| known.group);
        let (key, update) = convert::declined(call, group.as_ref(), self.core.clock.now());
        self.core.queue.push_own(SessionEvent::Call { key, update, ringing: None });
        Ok(())
    }

    async fn set_online(&self, online: bool) -> Result<()> {
        self.core.set_online(online).await
    }

    async fn mark_read(&self, chat: &Jid, author: Option<&Jid>, ids: &[MessageId]) -> Result<()> {
        let client = self.core.ready()?;
        for (origin, ids) in self.core.origins.of(chat, author, ids) {
            let author = author.map(|_| &origin.sender);
            let marked = client.mark_as_read(&origin.chat, author, &ids);
            let marked = async { marked.await.map_err(|e| in_our_words(e.as_ref())) };
            self.core.answer(marked).await?;
        }
        Ok(())
    }

    async fn set_typing(&self, chat: &Jid, typing: bool) -> Result<()> {
        let client = self.core.ready()?;
        let chat = convert::to_library(chat);
        self.core
            .answer(async {
                let chatstate = client.chatstate();
                let set = if typing {
                    chatstate.send_composing(&chat).await
                } else {
                    chatstate.send_paused(&chat).await
                };
                set.map_err(|e| in_our_words(&e))
            })
            .await
    }

    async fn log_out(&self) -> Result<()> {
        let told = match self.core.ready() {
            Err(e) => Err(e),
            Ok(client) => {
                let own = client.pn().ok_or(Error::NotConnected)?;
                let answer = client.execute(RemoveCompanionDeviceSpec::new(&own));
                self.core.answer(async { answer.await.map_err(|e| in_our_words(&e)) }).await
            }
        };
        let end = match &told {
            Ok(()) => SessionEnd::LoggedOut("the device was unlinked by us".to_owned()),
            Err(_) => SessionEnd::Stopped,
        };
        self.core.finish(end);
        self.core.over.cancelled().await;
        match (told, self.core.end()) {
            // WhatsApp may hang up before it has answered.
            (Err(_), SessionEnd::LoggedOut(_)) => Ok(()),
            (told, _) => told,
        }
    }

    async fn stop(&self) {
        self.core.finish(SessionEnd::Stopped);
        self.core.over.cancelled().await;
    }

    async fn abort(&self) {
        self.core.drop_now(SessionEnd::Stopped);
        self.core.over.cancelled().await;
    }
}
