//! Sends: written first, answered after WhatsApp's acknowledgement.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::{Party, Recipient},
    instance::{Instance, InstanceId},
    message::{
        Chat, ChatKind, Content, Direction, Message, MessageId, MessageStatus, Quote, SendText,
        StoredMessage,
    },
    ports::{Clock, MessageStore, Outgoing, OutgoingDraft, Random, Reservation, Session},
};

use crate::{
    Ports, ids,
    recorder::{Recorder, patiently},
    sessions::{Sessions, sent_record},
};

/// Sends messages.
///
/// A send runs to its end also when its caller goes away, so that what was sent is always noted.
#[derive(Clone)]
pub struct MessageService(Arc<Shared>);

struct Shared {
    messages: Arc<dyn MessageStore>,
    recorder: Recorder,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sends: Mutex<Sends>,
    /// Where sends run: they outlive the caller that asked for them, and so its runtime too.
    runtime: tokio::runtime::Handle,
}

/// What this process knows of the sends it has made.
#[derive(Default)]
struct Sends {
    /// Sends under way; the channel closes when one is over.
    under_way: HashMap<(InstanceId, MessageId), watch::Receiver<()>>,
    /// Sends that nobody acknowledged in time, and since when, as long as their idempotency keys count. A pending
    /// message that is in neither map is of a process that died before it heard of an acknowledgement; it may be sent
    /// again, under its own id.
    unacknowledged: HashMap<(InstanceId, MessageId), Timestamp>,
}

impl Sends {
    fn gave_up(&mut self, key: (InstanceId, MessageId), now: Timestamp) {
        self.unacknowledged.retain(|_, since| now - *since < chrono::TimeDelta::hours(24));
        self.unacknowledged.insert(key, now);
    }
}

impl MessageService {
    pub(crate) fn new(ports: &Ports, recorder: Recorder, sessions: Sessions) -> Self {
        Self(Arc::new(Shared {
            messages: ports.messages.clone(),
            recorder,
            sessions,
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            sends: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// Sends a text and returns once WhatsApp's server has acknowledged it.
    ///
    /// With an idempotency key a repeat of the request within 24 hours sends nothing and gives the first outcome
    /// again; a repeat of one that was written but never sent, because the process died, sends it then.
    ///
    /// Fails with `NotConnected`, `NotRegistered`, `NotFound(Message)` for the message to reply to, `Refused`,
    /// `NotAcknowledged` and `IdempotencyMismatch`.
    pub async fn send_text(
        &self,
        instance: &Instance,
        text: SendText,
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        let shared = self.0.clone();
        let instance = instance.clone();
        let send = async move { shared.send_text(&instance, text, idempotency_key).await };
        self.0.runtime.spawn(send).await.map_err(|e| Error::unavailable("sending", e))?
    }
}

impl Shared {
    async fn send_text(
        &self,
        instance: &Instance,
        text: SendText,
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        let idempotency = idempotency_key.map(|key| (key, fingerprint(&text)));
        if let Some((key, print)) = &idempotency
            && let Some(known) =
                self.messages.recall(instance.id, key, print, self.clock.now()).await?
        {
            return self.settle_known(instance, known).await;
        }
        let session = self.sessions.connected(instance.id)?;
        let to = self.recipient(&*session, &text.recipient).await?;
        let quoted = match &text.reply_to {
            None => None,
            Some(id) => Some(
                self.messages
                    .find(instance.id, id)
                    .await?
                    .ok_or(Error::NotFound(Resource::Message))?,
            ),
        };
        let message = self.compose(instance, &text, to, quoted.as_ref())?;
        let quote = message
            .quote
            .as_ref()
            .zip(quoted.as_ref())
            .map(|(quote, quoted)| (quote, &quoted.message.sender.jid, quoted.raw.as_ref()));
        let raw = session.encode_text(&text.text, quote);
        let draft = OutgoingDraft { message, raw: Some(raw.clone()), idempotency };
        // Under way before it is written: whoever finds it written and not under way takes it for a dead process's.
        let under_way = self.begin((instance.id, draft.message.id.clone()));
        match (self.messages.reserve(instance.id, &draft, self.clock.now()).await?, under_way) {
            (Reservation::Fresh, Some(_under_way)) => {
                self.send(instance, draft.message, raw, session, text.delay).await
            }
            (Reservation::Known(known), _) => self.settle_known(instance, known).await,
            // Two messages got the same 72 random bits.
            (Reservation::Fresh, None) => Err(Error::AlreadyExists(Resource::Message)),
        }
    }

    /// The outcome of a message that an earlier request with the same key was about.
    async fn settle_known(&self, instance: &Instance, mut known: StoredMessage) -> Result<Message> {
        let key = (instance.id, known.message.id.clone());
        loop {
            let send_under_way = self.sends().under_way.get(&key).cloned();
            if let Some(mut done) = send_under_way {
                // Whoever sends it drops the other end when it is done, which ends the wait with an error.
                while done.changed().await.is_ok() {}
            }
            // Read once no send is under way: what was read before may be from the middle of one.
            let missing = Error::NotFound(Resource::Message);
            known = self.messages.find(instance.id, &key.1).await?.ok_or(missing)?;
            match (known.status, known.failure) {
                (MessageStatus::Failed, Some(code)) => return Err(Error::Refused { code }),
                (MessageStatus::Failed, None) => return Err(Error::NotConnected),
                (MessageStatus::Pending, _) if self.sends().unacknowledged.contains_key(&key) => {
                    return Err(Error::NotAcknowledged);
                }
                (MessageStatus::Pending, _) => {}
                _ => return Ok(known.message),
            }
            let session = self.sessions.connected(instance.id)?;
            // Of several retries that get here one sends; the others wait for it.
            if let Some(_under_way) = self.begin(key.clone()) {
                let raw = known.raw.ok_or(Error::NotAcknowledged)?;
                return self.send(instance, known.message, raw, session, 0).await;
            }
        }
    }

    /// Notes that a send is under way, unless one of that message is.
    fn begin(&self, key: (InstanceId, MessageId)) -> Option<UnderWay<'_>> {
        let (done, under_way) = watch::channel(());
        match self.sends().under_way.entry(key.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(entry) => {
                entry.insert(under_way);
                Some(UnderWay { shared: self, key, _done: done })
            }
        }
    }

    /// Sends a message that is noted as under way.
    async fn send(
        &self,
        instance: &Instance,
        mut message: Message,
        raw: bytes::Bytes,
        session: Arc<dyn Session>,
        delay: u32,
    ) -> Result<Message> {
        let to = message.chat.party.jid.clone();
        if delay > 0 {
            self.type_for(&*session, &to, Duration::from_secs(delay.into())).await;
        }
        let outgoing = Outgoing { id: message.id.clone(), to, raw };
        match session.send(&outgoing).await {
            Ok(timestamp) => {
                message.timestamp = timestamp;
                let record = sent_record(message.clone());
                if let Err(e) = self.recorder.insist(instance.id, vec![record]).await {
                    // It was sent, and saying anything else would have it sent twice. Its receipt settles it.
                    tracing::error!(
                        error = &e as &dyn std::error::Error,
                        "a sent message is unrecorded"
                    );
                    self.sends().gave_up((instance.id, message.id.clone()), self.clock.now());
                }
                Ok(message)
            }
            Err(Error::NotAcknowledged) => {
                self.sends().gave_up((instance.id, message.id), self.clock.now());
                Err(Error::NotAcknowledged)
            }
            Err(e) => {
                let code = if let Error::Refused { code } = &e { Some(*code) } else { None };
                let noted =
                    patiently(&*self.clock, || self.messages.fail(instance.id, &message.id, code));
                if let Err(e) = noted.await {
                    tracing::error!(
                        error = &e as &dyn std::error::Error,
                        "a refusal is unrecorded"
                    );
                }
                Err(e)
            }
        }
    }

    /// Shows "typing…" for a while. That it cannot be shown is no reason not to send.
    async fn type_for(
        &self,
        session: &dyn Session,
        chat: &wharf_domain::address::Jid,
        pause: Duration,
    ) {
        if let Err(e) = session.set_typing(chat, true).await {
            tracing::debug!(error = &e as &dyn std::error::Error, "could not show typing");
        }
        self.clock.sleep(pause).await;
        if let Err(e) = session.set_typing(chat, false).await {
            tracing::debug!(error = &e as &dyn std::error::Error, "could not stop typing");
        }
    }

    async fn recipient(&self, session: &dyn Session, recipient: &Recipient) -> Result<Party> {
        match recipient {
            Recipient::Number(number) => {
                session.look_up(number).await?.ok_or_else(|| Error::NotRegistered(number.clone()))
            }
            Recipient::Jid(jid) => Ok(Party::of(jid.clone(), None, None)),
        }
    }

    fn compose(
        &self,
        instance: &Instance,
        text: &SendText,
        to: Party,
        quoted: Option<&StoredMessage>,
    ) -> Result<Message> {
        let profile = &instance.profile;
        let own = profile.jid.clone().ok_or(Error::NotConnected)?;
        Ok(Message {
            id: ids::message_id(&*self.random)?,
            direction: Direction::Outgoing,
            timestamp: whole_seconds(self.clock.now()),
            chat: Chat { kind: ChatKind::of(&to.jid), party: to.clone(), is_community: false },
            sender: Party { jid: own, lid: profile.lid.clone(), name: profile.name.clone() },
            recipient: Some(to),
            content: Content::Text(text.text.clone()),
            quote: quoted.map(|stored| Quote {
                message_id: stored.message.id.clone(),
                author: Some(stored.message.sender.jid.clone()),
                text: stored.message.content.text().to_owned(),
            }),
            mentions: Vec::new(),
            is_forwarded: false,
            source: Some(text.source.clone()),
        })
    }

    fn sends(&self) -> MutexGuard<'_, Sends> {
        self.sends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A send under way; over when it is dropped.
struct UnderWay<'a> {
    shared: &'a Shared,
    key: (InstanceId, MessageId),
    /// Dropped last, after the note is gone: whoever waits for it finds no send under way.
    _done: watch::Sender<()>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.shared.sends().under_way.remove(&self.key);
    }
}

/// What makes two requests with one idempotency key the same request.
fn fingerprint(text: &SendText) -> [u8; 32] {
    let mut hash = Sha256::new();
    let recipient = match &text.recipient {
        Recipient::Number(number) => number.to_string(),
        Recipient::Jid(jid) => jid.to_string(),
    };
    let reply_to = text.reply_to.as_ref().map_or("", MessageId::as_str);
    let delay = text.delay.to_string();
    for part in [&recipient, &text.text, reply_to, &delay, &text.source] {
        // The length first, so that no two lists of parts read the same.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// WhatsApp's times are whole seconds.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}
