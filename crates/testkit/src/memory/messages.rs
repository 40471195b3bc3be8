use async_trait::async_trait;
use chrono::TimeDelta;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::Jid,
    instance::InstanceId,
    message::{Direction, Message, MessageId, MessageStatus, StoredMessage},
    metrics::Metrics,
    ports::{HistoricMessage, MessageStore, OutgoingDraft, Reservation},
};

use super::{IdempotencyKey, InMemoryStore, State, metrics};

const IDEMPOTENCY: TimeDelta = TimeDelta::hours(24);

impl State {
    fn newest(&self, instance: InstanceId, id: &MessageId) -> Option<StoredMessage> {
        self.messages
            .iter()
            .filter(|(owner, stored)| *owner == instance && stored.message.id == *id)
            .max_by_key(|(_, stored)| stored.message.timestamp)
            .map(|(_, stored)| stored.clone())
    }

    fn recall(
        &self,
        instance: InstanceId,
        key: &str,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredMessage>> {
        let used = self.idempotency.get(&(instance, key.to_owned()));
        let Some(used) = used.filter(|used| now - used.used_at < IDEMPOTENCY) else {
            return Ok(None);
        };
        if used.fingerprint != *fingerprint {
            return Err(Error::IdempotencyMismatch);
        }
        Ok(self.newest(instance, &used.message))
    }

    pub(super) fn sent_by_us(
        &mut self,
        instance: InstanceId,
        id: &MessageId,
    ) -> impl Iterator<Item = &mut StoredMessage> {
        self.messages.iter_mut().filter_map(move |(owner, stored)| {
            let is_ours = *owner == instance
                && stored.message.id == *id
                && stored.message.direction == Direction::Outgoing;
            is_ours.then_some(stored)
        })
    }

    /// A message is the same when id, chat and sender are.
    pub(super) fn same_message(
        &mut self,
        instance: InstanceId,
        message: &Message,
    ) -> Option<&mut StoredMessage> {
        let is_same = |stored: &StoredMessage| {
            stored.message.id == message.id
                && stored.message.chat.party.jid == message.chat.party.jid
                && stored.message.sender.jid == message.sender.jid
        };
        let found =
            self.messages.iter_mut().find(|(owner, one)| *owner == instance && is_same(one));
        found.map(|(_, stored)| stored)
    }
}

#[async_trait]
impl MessageStore for InMemoryStore {
    async fn reserve(
        &self,
        instance: InstanceId,
        draft: &OutgoingDraft,
        now: Timestamp,
    ) -> Result<Reservation> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        if let Some((key, fingerprint)) = &draft.idempotency
            && let Some(stored) = state.recall(instance, key, fingerprint, now)?
        {
            return Ok(Reservation::Known(stored));
        }
        if state.same_message(instance, &draft.message).is_some() {
            return Err(Error::AlreadyExists(Resource::Message));
        }
        let stored = StoredMessage {
            message: draft.message.clone(),
            status: MessageStatus::Pending,
            failure: None,
            raw: draft.raw.clone(),
        };
        state.messages.push((instance, stored));
        if let Some((key, fingerprint)) = draft.idempotency.clone() {
            let message = draft.message.id.clone();
            let used = IdempotencyKey { fingerprint, message, used_at: now };
            state.idempotency.insert((instance, key), used);
        }
        Ok(Reservation::Fresh)
    }

    async fn recall(
        &self,
        instance: InstanceId,
        key: &str,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredMessage>> {
        self.step()?.recall(instance, key, fingerprint, now)
    }

    async fn find(&self, instance: InstanceId, id: &MessageId) -> Result<Option<StoredMessage>> {
        Ok(self.step()?.newest(instance, id))
    }

    async fn fail(&self, instance: InstanceId, id: &MessageId, code: Option<u16>) -> Result<()> {
        for stored in self.step()?.sent_by_us(instance, id) {
            if stored.status == MessageStatus::Pending {
                stored.status = MessageStatus::Failed;
                stored.failure = code;
            }
        }
        Ok(())
    }

    async fn names(&self, instance: InstanceId, jids: &[Jid]) -> Result<Vec<(Jid, String)>> {
        let state = self.step()?;
        let name_of = |jid: &Jid| {
            state
                .messages
                .iter()
                .filter(|(owner, _)| *owner == instance)
                .map(|(_, stored)| &stored.message)
                .filter(|message| {
                    message.direction == Direction::Incoming
                        && message.chat.party.jid == *jid
                        && message.sender.jid == *jid
                        && message.sender.name.is_some()
                })
                .max_by_key(|message| message.timestamp)
                .and_then(|message| message.sender.name.clone())
        };
        Ok(jids.iter().filter_map(|jid| Some((jid.clone(), name_of(jid)?))).collect())
    }

    async fn import(&self, instance: InstanceId, messages: &[HistoricMessage]) -> Result<u64> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        let mut new = 0;
        for HistoricMessage { message, raw, status } in messages {
            if state.same_message(instance, message).is_none() {
                let (message, raw) = (message.clone(), Some(raw.clone()));
                let stored = StoredMessage { message, status: *status, failure: None, raw };
                state.messages.push((instance, stored));
                new += 1;
            }
        }
        Ok(new)
    }

    async fn metrics(&self, instance: InstanceId, now: Timestamp) -> Result<Metrics> {
        let state = self.step()?;
        let own = state.messages.iter().filter(|(owner, _)| *owner == instance);
        Ok(metrics::of(own.map(|(_, stored)| stored), now))
    }

    async fn prune(&self, before: Option<Timestamp>, now: Timestamp, limit: u64) -> Result<u64> {
        let mut state = self.step()?;
        let mut gone = 0;
        if let Some(before) = before {
            let messages = &mut state.messages;
            gone += remove_some(messages, limit, |(_, one)| one.message.timestamp < before);
        }
        let keys = state.idempotency.len();
        state.idempotency.retain(|_, used| now - used.used_at < IDEMPOTENCY);
        Ok(gone + (keys - state.idempotency.len()) as u64)
    }
}

/// Removes the first `limit` entries that are to go and says how many there were.
fn remove_some<T>(rows: &mut Vec<T>, limit: u64, mut goes: impl FnMut(&T) -> bool) -> u64 {
    let mut gone = 0;
    rows.retain(|row| {
        let goes_now = gone < limit && goes(row);
        gone += u64::from(goes_now);
        !goes_now
    });
    gone
}
