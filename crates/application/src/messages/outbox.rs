//! What is under way: each message is written, sent once, and settled by what WhatsApp answers.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::Jid,
    instance::{Instance, InstanceId},
    message::{Message, MessageId, MessageStatus, StoredMessage},
    ports::{Outgoing, Session},
};

use super::Shared;
use crate::{recorder::patiently, sessions::sent_record};

/// What this process knows of the sends it has made.
#[derive(Default)]
pub(super) struct Sends {
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

impl Shared {
    /// The outcome of a message that an earlier request with the same key was about.
    pub(super) async fn settle_known(
        &self,
        instance: &Instance,
        mut known: StoredMessage,
    ) -> Result<Message> {
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
    pub(super) fn begin(&self, key: (InstanceId, MessageId)) -> Option<UnderWay<'_>> {
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
    pub(super) async fn send(
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
    async fn type_for(&self, session: &dyn Session, chat: &Jid, pause: Duration) {
        if let Err(e) = session.set_typing(chat, true).await {
            tracing::debug!(error = &e as &dyn std::error::Error, "could not show typing");
        }
        self.clock.sleep(pause).await;
        if let Err(e) = session.set_typing(chat, false).await {
            tracing::debug!(error = &e as &dyn std::error::Error, "could not stop typing");
        }
    }

    fn sends(&self) -> MutexGuard<'_, Sends> {
        self.sends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A send under way; over when it is dropped.
pub(super) struct UnderWay<'a> {
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
