//! The path all sends take: looked up, made ready, written, sent.

use std::sync::Arc;

use bytes::Bytes;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::{Jid, Party, Recipient},
    instance::{Instance, InstanceId},
    message::{Chat, ChatKind, Content, Direction, Message, Quote, StoredMessage},
    ports::{OutgoingDraft, Reservation, Session},
};

use super::{
    Shared,
    order::{Order, Payload},
};
use crate::ids;

/// What is to be said, and the same in the adapter's own encoding.
pub(super) struct Ready {
    pub(super) content: Content,
    pub(super) raw: Bytes,
}

/// The message that is answered.
pub(super) struct Quoted {
    quote: Quote,
    sender: Jid,
    raw: Option<Bytes>,
}

impl Quoted {
    fn of(stored: StoredMessage) -> Self {
        let sender = stored.message.sender.jid;
        let quote = Quote {
            message_id: stored.message.id,
            author: Some(sender.clone()),
            text: stored.message.content.text().to_owned(),
        };
        Self { quote, sender, raw: stored.raw }
    }

    /// As sessions take it.
    pub(super) fn parts(&self) -> (&Quote, &Jid, Option<&Bytes>) {
        (&self.quote, &self.sender, self.raw.as_ref())
    }
}

impl Shared {
    /// Sends what is wanted, unless the same request was served before.
    pub(super) async fn carry_out(
        &self,
        instance: &Instance,
        order: Order,
        key: Option<String>,
    ) -> Result<Message> {
        let idempotency = match key {
            Some(key) => Some((key, order.fingerprint().await?)),
            None => None,
        };
        if let Some((key, print)) = &idempotency
            && let Some(known) =
                self.messages.recall(instance.id, key, print, self.clock.now()).await?
        {
            return self.settle_known(instance, known).await;
        }
        let session = self.sessions.connected(instance.id)?;
        let to = self.recipient(instance.id, &*session, &order.recipient).await?;
        let quoted = match &order.reply_to {
            None => None,
            Some(id) => {
                let stored = self.messages.find(instance.id, id).await?;
                Some(Quoted::of(stored.ok_or(Error::NotFound(Resource::Message))?))
            }
        };
        let Ready { content, raw } =
            self.prepare(instance.id, &*session, quoted.as_ref(), order.payload).await?;
        let mut message = Message {
            content,
            quote: quoted.map(|quoted| quoted.quote),
            source: Some(order.source),
            ..self.blank(instance, to)?
        };
        session.dress(&mut message.chat);
        let draft = OutgoingDraft { message, raw: Some(raw.clone()), idempotency };
        self.post(instance, draft, raw, session, order.delay).await
    }

    async fn prepare(
        &self,
        instance: InstanceId,
        session: &dyn Session,
        quoted: Option<&Quoted>,
        payload: Payload,
    ) -> Result<Ready> {
        match payload {
            Payload::Text(text) => {
                let raw = session.encode_text(&text, quoted.map(Quoted::parts));
                Ok(Ready { content: Content::Text(text), raw })
            }
            Payload::Media(media) => {
                self.prepare_media(instance, session, quoted, Arc::unwrap_or_clone(media)).await
            }
            Payload::Sticker(picture) => {
                self.prepare_sticker(instance, session, quoted, picture).await
            }
        }
    }

    async fn post(
        &self,
        instance: &Instance,
        draft: OutgoingDraft,
        raw: Bytes,
        session: Arc<dyn Session>,
        delay: u32,
    ) -> Result<Message> {
        // Under way before it is written: whoever finds it written and not under way takes it for a dead process's.
        let under_way = self.begin((instance.id, draft.message.id.clone()));
        match (self.messages.reserve(instance.id, &draft, self.clock.now()).await?, under_way) {
            (Reservation::Fresh, Some(_under_way)) => {
                self.send(instance, draft.message, raw, session, delay).await
            }
            (Reservation::Known(known), _) => self.settle_known(instance, known).await,
            // Two messages got the same 72 random bits.
            (Reservation::Fresh, None) => Err(Error::AlreadyExists(Resource::Message)),
        }
    }

    /// Whom a message goes to, by the name they are known by.
    async fn recipient(
        &self,
        instance: InstanceId,
        session: &dyn Session,
        recipient: &Recipient,
    ) -> Result<Party> {
        let mut to = match recipient {
            Recipient::Number(number) => session
                .look_up(number)
                .await?
                .ok_or_else(|| Error::NotRegistered(number.clone()))?,
            Recipient::Jid(jid) => Party::of(jid.clone(), None, None),
        };
        if to.name.is_none() && ChatKind::of(&to.jid) == ChatKind::Private {
            let addresses: Vec<_> =
                [Some(to.jid.clone()), to.lid.clone()].into_iter().flatten().collect();
            let known = self.messages.names(instance, &addresses).await?;
            to.name = known.into_iter().next().map(|(_, name)| name);
        }
        Ok(to)
    }

    /// A message that says nothing yet.
    fn blank(&self, instance: &Instance, to: Party) -> Result<Message> {
        let profile = &instance.profile;
        let own = profile.jid.clone().ok_or(Error::NotConnected)?;
        Ok(Message {
            id: ids::message_id(&*self.random)?,
            direction: Direction::Outgoing,
            timestamp: whole_seconds(self.clock.now()),
            chat: Chat { kind: ChatKind::of(&to.jid), party: to.clone(), is_community: false },
            sender: Party { jid: own, lid: profile.lid.clone(), name: profile.name.clone() },
            recipient: Some(to),
            content: Content::Text(String::new()),
            quote: None,
            mentions: Vec::new(),
            is_forwarded: false,
            source: None,
        })
    }
}

/// WhatsApp's times are whole seconds.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}
