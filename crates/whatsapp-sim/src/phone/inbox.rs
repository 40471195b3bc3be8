//! What a person would see on a phone: the messages of all its chats, and how far they got.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

use super::content::{Content, Shown, read};
use super::media::{Attachment, ShownMedia};
use crate::base64_bytes;

/// How far a message has got: one of ours with its reader, one of theirs with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipt {
    /// Nobody has said anything.
    None,
    /// A device of the recipient has it.
    Delivered,
    /// The recipient has read it.
    Read,
    /// The recipient has listened to it.
    Played,
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownMessage {
    /// The sender's id for it.
    pub id: String,
    /// The chat: the JID of the other account.
    pub chat: String,
    /// The JID of the author's account.
    pub from: String,
    /// Whether the phone's owner wrote it, here or on a companion.
    pub from_me: bool,
    /// `text`, `image`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The text, the caption or whatever else can be read.
    pub text: Option<String>,
    /// When it was sent, in seconds.
    pub timestamp: u64,
    /// The message it refers to.
    pub quoted_id: Option<String>,
    /// How far it got.
    pub receipt: Receipt,
    /// The file it carries.
    #[serde(default)]
    pub media: Option<ShownMedia>,
}

/// A message with what was encrypted in it, kept to quote it and to send it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) shown: ShownMessage,
    #[serde(with = "base64_bytes")]
    content: Vec<u8>,
}

/// Where a message comes from, as its stanza says, in JIDs by phone number.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'s> {
    /// The stanza's id.
    pub id: &'s str,
    /// The account it is exchanged with.
    pub chat: &'s str,
    /// The account that wrote it.
    pub from: &'s str,
    /// Whether that is the phone's own account.
    pub from_me: bool,
    /// The stanza's time, in seconds.
    pub timestamp: u64,
}

/// What became of a decrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is shown.
    Shown,
    /// It has been shown before.
    Duplicate,
    /// A companion of the phone wants the app-state keys with these ids.
    KeyRequest(Vec<Vec<u8>>),
    /// There is nothing in it to see.
    Silent,
}

/// The messages on a phone, oldest first.
#[derive(Default)]
pub struct Inbox {
    entries: Vec<Entry>,
    /// Ids are the senders' choice, so two may have chosen the same.
    by_id: HashMap<String, Vec<usize>>,
}

impl Inbox {
    /// Puts back what was on the phone before a restart, oldest first.
    pub(crate) fn restore(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut inbox = Self::default();
        for entry in entries {
            inbox.push(entry);
        }
        inbox
    }

    /// Takes in a decrypted message.
    pub fn receive(&mut self, origin: Origin<'_>, message: &wa::Message) -> Received {
        // Only the owner's devices may say what the owner has sent.
        if message.device_sent_message.is_set() && !origin.from_me {
            return Received::Silent;
        }
        let shown = match read(message) {
            Content::Shown(shown) => shown,
            // Only they share the keys, too.
            Content::KeyRequest(ids) if origin.from_me => return Received::KeyRequest(ids),
            Content::KeyRequest(_) | Content::Silent => return Received::Silent,
        };
        if self.positions(origin.id).any(|at| self.entries[at].shown.from == origin.from) {
            return Received::Duplicate;
        }
        let receipt = if origin.from_me { Receipt::None } else { Receipt::Delivered };
        self.push(Entry::new(origin, shown, receipt, message));
        Received::Shown
    }

    /// Puts a message typed on this phone into its chat. Nothing happens if there is nothing to show.
    pub fn sent(&mut self, origin: Origin<'_>, message: &wa::Message) {
        if let Content::Shown(shown) = read(message) {
            self.push(Entry::new(origin, shown, Receipt::None, message));
        }
    }

    /// Notes what `reader` says about messages the owner sent there. Says which have got further.
    pub fn receipt(&mut self, reader: &str, ids: &[String], receipt: Receipt) -> Vec<String> {
        self.advance(ids, receipt, |shown| shown.from_me && shown.chat == reader)
    }

    /// Notes what the owner has done with messages of others, here or on a companion. Says which
    /// have got further.
    pub fn mark(&mut self, ids: &[String], receipt: Receipt) -> Vec<String> {
        self.advance(ids, receipt, |shown| !shown.from_me)
    }

    /// All messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &ShownMessage> {
        self.entries.iter().map(|entry| &entry.shown)
    }

    /// A message by its id; the latest, should several senders have chosen it.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<&ShownMessage> {
        self.entry(id).map(|entry| &entry.shown)
    }

    /// What was encrypted in a message the owner sent, to send it again.
    #[must_use]
    pub fn original(&self, id: &str) -> Option<wa::Message> {
        self.positions(id)
            .map(|at| &self.entries[at])
            .find(|entry| entry.shown.from_me)
            .and_then(Entry::message)
    }

    /// The message with everything about it, to be stored.
    pub(crate) fn entry(&self, id: &str) -> Option<&Entry> {
        self.positions(id).next_back().map(|at| &self.entries[at])
    }

    fn advance(
        &mut self,
        ids: &[String],
        receipt: Receipt,
        concerns: impl Fn(&ShownMessage) -> bool,
    ) -> Vec<String> {
        let mut advanced = Vec::new();
        for id in ids {
            let positions = self.by_id.get(id).map_or(&[][..], Vec::as_slice);
            for at in positions {
                let shown = &mut self.entries[*at].shown;
                if concerns(shown) && shown.receipt < receipt {
                    shown.receipt = receipt;
                    advanced.push(id.clone());
                }
            }
        }
        advanced
    }

    /// A message by its place, for storing it.
    pub(crate) fn entry_at(&self, at: usize) -> Option<&Entry> {
        self.entries.get(at)
    }

    /// The places of the messages with this id.
    pub(crate) fn positions(&self, id: &str) -> impl DoubleEndedIterator<Item = usize> {
        self.by_id.get(id).map_or(&[][..], Vec::as_slice).iter().copied()
    }

    fn push(&mut self, entry: Entry) {
        let at = self.entries.len();
        self.by_id.entry(entry.shown.id.clone()).or_default().push(at);
        self.entries.push(entry);
    }
}

impl Entry {
    fn new(origin: Origin<'_>, shown: Shown, receipt: Receipt, message: &wa::Message) -> Self {
        // A copy from a companion is kept as what was sent, not as the copy.
        let message = match message.device_sent_message.message.as_option() {
            Some(sent) => {
                let mut sent = sent.clone();
                // Clients hoist what serves to refer to the message out of it.
                if !sent.message_context_info.is_set() {
                    sent.message_context_info = message.message_context_info.clone();
                }
                sent
            }
            None => message.clone(),
        };
        let shown = ShownMessage {
            id: origin.id.to_owned(),
            chat: origin.chat.to_owned(),
            from: origin.from.to_owned(),
            from_me: origin.from_me,
            kind: shown.kind.to_owned(),
            text: shown.text,
            timestamp: origin.timestamp,
            quoted_id: shown.quoted,
            receipt,
            media: Attachment::of(&message).map(Attachment::shown),
        };
        Self { shown, content: message.encode_to_vec() }
    }

    pub(crate) fn message(&self) -> Option<wa::Message> {
        wa::Message::decode_from_slice(&self.content).ok()
    }
}

/// Where a copy from another device of the owner says it was sent: the chat it belongs to.
#[must_use]
pub fn destination(message: &wa::Message) -> Option<&str> {
    message.device_sent_message.destination_jid.as_deref()
}

/// The copy of a sent message for the owner's other devices.
#[must_use]
pub fn copy_for_own_devices(message: &wa::Message, chat: &str) -> wa::Message {
    let copy = wa::message::DeviceSentMessage {
        destination_jid: Some(chat.to_owned()),
        message: MessageField::some(message.clone()),
        ..Default::default()
    };
    wa::Message {
        device_sent_message: MessageField::some(copy),
        message_context_info: message.message_context_info.clone(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
