//! What an instance's store has not written yet: decrypted messages that the durability hook has not committed, and what
//! came with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{self, OwnedMutexGuard};
use wacore::store::traits::{MsgSecretEntry, merge_msg_secret_expiry, merge_msg_secret_message_ts};
use zeroize::Zeroizing;

type Message = Arc<Zeroizing<Vec<u8>>>;

/// What the sessions of an instance have put down, as far as it is in memory.
///
/// A message need not be on the disk as long as the ratchet that it moved is not: WhatsApp, to whom it was not
/// acknowledged, delivers it again and it is decrypted again. So it stays here, and many are committed before anything is
/// written; whoever saves ratchets [`take`](Self::take)s what is here into the same transaction. What stays here for longer
/// is written by itself: its ratchet may have been saved just before it was put down.
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
    /// Nothing is put down any more: the instance was wiped.
    is_closed: bool,
}

type SecretKey = [Arc<str>; 3];

struct Held {
    /// `None` once the database has it.
    message: Option<Message>,
    /// In seconds since 1970.
    stored_at: i64,
    /// Whether the database may hold a row of it.
    may_be_stored: bool,
}

/// What is known of a message.
pub(crate) enum Known {
    Here(Vec<u8>),
    /// It is no longer pending, even if the database has a row of it.
    Committed,
    /// The database has it, or nobody.
    NotHere,
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
        if state.is_closed {
            return;
        }
        let was_committed = state.committed.remove(&key);
        let earlier = state.messages.get(&key);
        let may_be_stored = was_committed || earlier.is_some_and(|earlier| earlier.may_be_stored);
        let message = Some(Arc::new(Zeroizing::new(message.to_vec())));
        state.messages.insert(key, Held { message, stored_at, may_be_stored });
    }

    /// The message, unless it is the database that has it.
    pub(crate) fn get(&self, key: &[u8]) -> Known {
        let state = self.lock();
        match state.messages.get(key) {
            Some(Held { message: Some(message), .. }) => Known::Here(message.to_vec()),
            None if state.committed.contains(key) => Known::Committed,
            _ => Known::NotHere,
        }
    }

    /// Notes that the database holds a row, maybe of an earlier life.
    pub(crate) fn found(&self, key: Vec<u8>, stored_at: i64) {
        let held = Held { message: None, stored_at, may_be_stored: true };
        self.lock().messages.entry(key).or_insert(held);
    }

    /// Forgets messages that are committed.
    pub(crate) fn remove(&self, keys: impl IntoIterator<Item = Vec<u8>>) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
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
        if state.is_closed {
            return;
        }
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

    /// Forgets everything, and takes nothing any more.
    pub(crate) fn close(&self) {
        *self.lock() = State { is_closed: true, ..State::default() };
    }

    /// How much there is to be written.
    pub(crate) fn owed(&self) -> usize {
        let state = self.lock();
        let new = state.messages.values().filter(|held| held.message.is_some()).count();
        new + state.committed.len() + state.secrets.len()
    }

    /// How many secrets the database does not know yet.
    pub(crate) fn secrets(&self) -> usize {
        self.lock().secrets.len()
    }

    /// Whether anything is known here that the next session should know.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().messages.is_empty() && self.owed() == 0
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
        for (key, held) in &mut state.messages {
            let Some(message) = held.message.clone() else { continue };
            held.may_be_stored = true;
            messages.push(Row { key: key.clone(), message, stored_at: held.stored_at });
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
            if let Some(held) = state.messages.get_mut(&row.key)
                && held.message.as_ref().is_some_and(|held| Arc::ptr_eq(held, &row.message))
            {
                held.message = None;
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
        f.debug_struct("Pending")
            .field("messages", &self.lock().messages.len())
            .finish_non_exhaustive()
    }
}

/// What is being written.
pub(crate) struct Taken {
    pub(crate) messages: Vec<Row>,
    /// The keys of messages to be removed.
    pub(crate) committed: Vec<Vec<u8>>,
    pub(crate) secrets: Vec<Arc<MsgSecretEntry>>,
}
