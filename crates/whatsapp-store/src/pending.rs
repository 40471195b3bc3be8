//! What an instance's store has not written yet: decrypted messages that the durability hook has not committed, and what
//! came with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{self, OwnedMutexGuard};
use wacore::store::traits::{
    MsgSecretEntry, merge_msg_secret_expiry, merge_msg_secret_message_ts,
};
use zeroize::Zeroizing;

type Message = Arc<Zeroizing<Vec<u8>>>;

/// What the sessions of an instance have put down, as far as it is in memory.
///
/// A message need not be on the disk as long as the ratchet that it moved is not: WhatsApp, to whom it was not
/// acknowledged, delivers it again and it is decrypted again. So it stays here, and many are committed before anything is
/// written; whoever saves ratchets [`take`](Self::take)s what is here into the same transaction.
#[derive(Default)]
pub(crate) struct Pending {
    state: Mutex<State>,
    turn: Arc<sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    /// By the hash of each message's key.
    messages: HashMap<Vec<u8>, Held>,
    /// The messages that are committed and of which the database may hold a row.
    committed: BTreeSet<Vec<u8>>,
    /// By chat, sender and id of the message.
    secrets: BTreeMap<SecretKey, Arc<MsgSecretEntry>>,
    is_reminded: bool,
}

type SecretKey = [Arc<str>; 3];

struct Held {
    message: Message,
    /// In seconds since 1970.
    stored_at: i64,
    /// Whether the database has to hear of it yet.
    is_new: bool,
    /// Whether the database may hold a row of it.
    may_be_stored: bool,
}

/// A message to be written.
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) message: Message,
    pub(crate) stored_at: i64,
}

impl Pending {
    /// Waits for whoever writes it; hold the answer while writing, so that no write overtakes another that carries what it
    /// hangs on.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    pub(crate) fn put(&self, key: Vec<u8>, message: &[u8], stored_at: i64) {
        let mut state = self.lock();
        let was_committed = state.committed.remove(&key);
        let earlier = state.messages.get(&key);
        let may_be_stored = was_committed || earlier.is_some_and(|earlier| earlier.may_be_stored);
        let message = Arc::new(Zeroizing::new(message.to_vec()));
        state.messages.insert(key, Held { message, stored_at, is_new: true, may_be_stored });
    }

    /// The message; `None` within where it is committed, `None` where nothing is known of it.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let state = self.lock();
        match state.messages.get(key) {
            Some(held) => Some(Some(held.message.to_vec())),
            None => state.committed.contains(key).then_some(None),
        }
    }

    /// Notes that the database holds a row that was put down in an earlier life.
    pub(crate) fn found(&self, key: Vec<u8>, message: &[u8], stored_at: i64) {
        self.lock().messages.entry(key).or_insert_with(|| Held {
            message: Arc::new(Zeroizing::new(message.to_vec())),
            stored_at,
            is_new: false,
            may_be_stored: true,
        });
    }

    /// Forgets messages that are committed.
    pub(crate) fn remove(&self, keys: impl IntoIterator<Item = Vec<u8>>) {
        let mut state = self.lock();
        for key in keys {
            if state.messages.remove(&key).is_none_or(|held| held.may_be_stored) {
                state.committed.insert(key);
            }
        }
    }

    /// Forgets the messages that were put before `cutoff`, and says of how many the database holds no row either.
    pub(crate) fn remove_before(&self, cutoff: i64) -> usize {
        let is_old = |_: &Vec<u8>, held: &mut Held| held.stored_at < cutoff;
        let mut state = self.lock();
        state.messages.extract_if(is_old).filter(|(_, held)| !held.may_be_stored).count()
    }

    pub(crate) fn put_secret(&self, mut entry: MsgSecretEntry) {
        let key = [entry.chat.clone(), entry.sender.clone(), entry.msg_id.clone()];
        let mut state = self.lock();
        if let Some(earlier) = state.secrets.get(&key) {
            entry.expires_at = merge_msg_secret_expiry(earlier.expires_at, entry.expires_at);
            entry.message_ts = merge_msg_secret_message_ts(earlier.message_ts, entry.message_ts);
        }
        state.secrets.insert(key, Arc::new(entry));
    }

    pub(crate) fn has_secret(&self, chat: &str, sender: &str, id: &str) -> bool {
        let state = self.lock();
        !state.secrets.is_empty() && state.secrets.contains_key(&[chat, sender, id].map(Arc::from))
    }

    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        *state = State { is_reminded: state.is_reminded, ..State::default() };
    }

    /// Whether the database is owed something that no ratchet may come to bring along.
    pub(crate) fn is_owing(&self) -> bool {
        let state = self.lock();
        !state.committed.is_empty() || !state.secrets.is_empty()
    }

    /// Whether there is anything that the database does not know.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().messages.is_empty() && !self.is_owing()
    }

    /// Whether somebody has to see to it that what is owed is written; asked again only after
    /// [`reminded`](Self::reminded).
    pub(crate) fn needs_reminder(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_reminded, true)
    }

    pub(crate) fn reminded(&self) {
        self.lock().is_reminded = false;
    }

    /// What has to be written, in the order of the keys: two batches then never wait for each other in a circle. To be
    /// taken once at a time; until it is [`stored`](Self::stored) it is here as before.
    pub(crate) fn take(&self) -> Taken {
        let mut state = self.lock();
        let mut messages = Vec::new();
        for (key, held) in state.messages.iter_mut().filter(|(_, held)| held.is_new) {
            held.may_be_stored = true;
            let (message, stored_at) = (held.message.clone(), held.stored_at);
            messages.push(Row { key: key.clone(), message, stored_at });
        }
        messages.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let committed = state.committed.iter().cloned().collect();
        let secrets = state.secrets.values().cloned().collect();
        Taken { messages, committed, secrets }
    }

    /// The transaction with what was taken is committed. What was put anew meanwhile is still to be written.
    pub(crate) fn stored(&self, taken: &Taken) {
        let mut state = self.lock();
        for row in &taken.messages {
            let is_same = |held: &Held| Arc::ptr_eq(&held.message, &row.message);
            if state.messages.get(&row.key).is_some_and(is_same) {
                state.messages.remove(&row.key);
            }
        }
        for key in &taken.committed {
            state.committed.remove(key);
        }
        for entry in &taken.secrets {
            let key = [entry.chat.clone(), entry.sender.clone(), entry.msg_id.clone()];
            if state.secrets.get(&key).is_some_and(|held| Arc::ptr_eq(held, entry)) {
                state.secrets.remove(&key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("messages", &self.lock().messages.len()).finish_non_exhaustive()
    }
}

/// What is being written.
pub(crate) struct Taken {
    pub(crate) messages: Vec<Row>,
    /// The keys of messages to be removed.
    pub(crate) committed: Vec<Vec<u8>>,
    pub(crate) secrets: Vec<Arc<MsgSecretEntry>>,
}
