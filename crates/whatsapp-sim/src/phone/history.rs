//! What a phone tells a new companion of the past.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::conversation::EndOfHistoryTransferType;
use waproto::whatsapp::history_sync::HistorySyncType;
use waproto::whatsapp::message::protocol_message;

use super::media::Sealed;

/// The most messages told in one piece.
const CHUNK: usize = 100;
const DAY: u64 = 24 * 60 * 60;

/// A text of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastMessage {
    /// The phone number of the other one.
    pub with: String,
    /// What was written.
    pub text: String,
    /// Whether the phone's owner wrote it.
    pub from_me: bool,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// A piece of the past that has been offered to a companion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryOffer {
    /// The companion.
    pub device: u16,
    /// The id of the message that told it.
    pub message_id: String,
    /// `INITIAL_BOOTSTRAP`, `PUSH_NAME`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its place among the pieces, from 1.
    pub chunk: u32,
    /// How much of the past has been told with it, in percent.
    pub progress: Option<u32>,
    /// How many messages are in it.
    pub messages: usize,
    /// Whether the companion has said that it has the offer.
    pub acknowledged: bool,
    /// How often what was offered has been downloaded.
    pub downloads: u64,
}

/// What a companion wants to know of the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    full: bool,
    days: Option<u32>,
}

impl Wanted {
    /// What it says of itself when it is linked.
    pub(crate) fn of(props: &wa::DeviceProps) -> Self {
        let full = props.require_full_sync.unwrap_or_default();
        let limits = &props.history_sync_config;
        let days = if full { limits.full_sync_days_limit } else { limits.recent_sync_days_limit };
        Self { full, days }
    }
}

/// An account as the phone knows it.
#[derive(Clone)]
pub(crate) struct Acquaintance {
    /// The chat's address.
    pub(crate) chat: String,
    pub(crate) jid: String,
    pub(crate) lid: Option<String>,
    pub(crate) name: Option<String>,
}

/// The past, and who has been told of it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct History {
    messages: Vec<(String, PastMessage)>,
    /// Since the start.
    #[serde(skip)]
    offers: Vec<Offered>,
}

/// An offer, with what finding out more about it takes.
pub(crate) struct Offered {
    pub(crate) offer: HistoryOffer,
    /// The name of the file on the media host.
    pub(crate) file: String,
    /// What was encrypted.
    pub(crate) message: wa::Message,
}

impl History {
    /// Adds messages; each has an id.
    pub(crate) fn add(&mut self, messages: impl IntoIterator<Item = (String, PastMessage)>) {
        self.messages.extend(messages);
    }

    pub(crate) fn note(&mut self, offered: Offered) {
        self.offers.push(offered);
    }

    pub(crate) fn offers(&self) -> &[Offered] {
        &self.offers
    }

    /// What was encrypted in an offer, to send it again.
    pub(crate) fn offered(&self, message: &str) -> Option<wa::Message> {
        let offered = self.offers.iter().find(|offered| offered.offer.message_id == message);
        offered.map(|offered| offered.message.clone())
    }

    /// Whom there is something to tell about.
    pub(crate) fn partners(&self) -> BTreeSet<&str> {
        self.messages.iter().map(|(_, message)| message.with.as_str()).collect()
    }

    /// The past that is wanted, the latest first, in pieces. `now` is in seconds.
    pub(crate) fn chunks(
        &self,
        wanted: Wanted,
        now: u64,
        owner: &Acquaintance,
        known: impl Fn(&str) -> Acquaintance,
    ) -> Vec<wa::HistorySync> {
        let oldest = wanted.days.map_or(0, |days| now.saturating_sub(u64::from(days) * DAY));
        let (mut messages, kept_back): (Vec<_>, Vec<_>) =
            self.messages.iter().partition(|(_, message)| message.at >= oldest);
        messages.sort_by_key(|(_, message)| std::cmp::Reverse(message.at));
        let mut remaining: HashSet<&str> =
            kept_back.iter().map(|(_, message)| message.with.as_str()).collect();
        let mut chunks: Vec<wa::HistorySync> = Vec::new();
        // From the last piece on, so that it is known where a chat ends.
        let mut begun = HashSet::new();
        for (at, part) in messages.chunks(CHUNK).enumerate().rev() {
            let told = at * CHUNK + part.len();
            let kind = match at {
                0 => HistorySyncType::INITIAL_BOOTSTRAP,
                _ if wanted.full => HistorySyncType::FULL,
                _ => HistorySyncType::RECENT,
            };
            chunks.push(wa::HistorySync {
                conversations: conversations(part, &known, &mut begun, &mut remaining),
                progress: u32::try_from(told * 100 / messages.len()).ok(),
                ..piece(kind)
            });
        }
        chunks.reverse();
        if let Some(first) = chunks.first_mut() {
            let partners = messages.iter().map(|(_, message)| message.with.as_str());
            let partners: BTreeSet<&str> = partners.collect();
            let known: Vec<Acquaintance> = partners.into_iter().map(known).collect();
            first.phone_number_to_lid_mappings = known.iter().filter_map(mapping).collect();
            let pushnames = known.iter().chain([owner]).filter_map(pushname).collect();
            chunks.insert(1, wa::HistorySync { pushnames, ..piece(HistorySyncType::PUSH_NAME) });
        }
        for (chunk, order) in chunks.iter_mut().zip(1..) {
            chunk.chunk_order = Some(order);
        }
        chunks
    }
}

/// The message that tells a companion of a piece, once that is uploaded.
pub(crate) fn notification(chunk: &wa::HistorySync, sealed: &Sealed) -> wa::Message {
    let messages = chunk.conversations.iter().flat_map(|chat| &chat.messages);
    let oldest = messages.filter_map(|message| message.message.message_timestamp).min();
    let notification = wa::message::HistorySyncNotification {
        sync_type: Some(match chunk.sync_type {
            HistorySyncType::FULL => wa::message::HistorySyncType::FULL,
            HistorySyncType::RECENT => wa::message::HistorySyncType::RECENT,
            HistorySyncType::PUSH_NAME => wa::message::HistorySyncType::PUSH_NAME,
            _ => wa::message::HistorySyncType::INITIAL_BOOTSTRAP,
        }),
        chunk_order: chunk.chunk_order,
        progress: chunk.progress,
        oldest_msg_in_chunk_timestamp_sec: oldest.and_then(|oldest| i64::try_from(oldest).ok()),
        ..sealed.history()
    };
    let protocol = wa::message::ProtocolMessage {
        r#type: Some(protocol_message::Type::HistorySyncNotification),
        history_sync_notification: MessageField::some(notification),
        ..Default::default()
    };
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

fn piece(kind: HistorySyncType) -> wa::HistorySync {
    wa::HistorySync { sync_type: kind, ..Default::default() }
}

/// The chats of one piece. A chat ends where none of its messages is in a later piece; what remains on
/// the phone is told then.
fn conversations<'m>(
    part: &[&'m (String, PastMessage)],
    known: impl Fn(&str) -> Acquaintance,
    begun: &mut HashSet<&'m str>,
    remaining: &mut HashSet<&'m str>,
) -> Vec<wa::Conversation> {
    let mut chats: Vec<(&str, wa::Conversation)> = Vec::new();
    for (id, message) in part {
        let with = message.with.as_str();
        let at = chats.iter().position(|(number, _)| *number == with).unwrap_or_else(|| {
            let partner = known(with);
            let is_lid = partner.lid.as_ref() == Some(&partner.chat);
            let end = begun.insert(with).then(|| {
                if remaining.remove(with) {
                    EndOfHistoryTransferType::COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY
                } else {
                    EndOfHistoryTransferType::COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
                }
            });
            let chat = wa::Conversation {
                id: partner.chat,
                name: partner.name,
                pn_jid: is_lid.then_some(partner.jid),
                lid_jid: if is_lid { None } else { partner.lid },
                conversation_timestamp: Some(message.at),
                last_msg_timestamp: Some(message.at),
                unread_count: Some(0),
                end_of_history_transfer: end.map(|_| true),
                end_of_history_transfer_type: end,
                ..Default::default()
            };
            chats.push((with, chat));
            chats.len() - 1
        });
        let chat = &mut chats[at].1;
        let message = past(id, message, &chat.id);
        chat.messages.push(wa::HistorySyncMsg {
            message: MessageField::some(message),
            ..Default::default()
        });
    }
    chats.into_iter().map(|(_, chat)| chat).collect()
}

fn past(id: &str, message: &PastMessage, chat: &str) -> wa::WebMessageInfo {
    let key = wa::MessageKey {
        remote_jid: Some(chat.to_owned()),
        from_me: Some(message.from_me),
        id: Some(id.to_owned()),
        ..Default::default()
    };
    let text = wa::Message { conversation: Some(message.text.clone()), ..Default::default() };
    wa::WebMessageInfo {
        key: MessageField::some(key),
        message: MessageField::some(text),
        message_timestamp: Some(message.at),
        status: Some(wa::web_message_info::Status::READ),
        ..Default::default()
    }
}

fn mapping(partner: &Acquaintance) -> Option<wa::PhoneNumberToLIDMapping> {
    let lid_jid = Some(partner.lid.clone()?);
    Some(wa::PhoneNumberToLIDMapping { pn_jid: Some(partner.jid.clone()), lid_jid })
}

fn pushname(partner: &Acquaintance) -> Option<wa::Pushname> {
    let pushname = Some(partner.name.clone()?);
    Some(wa::Pushname { id: Some(partner.jid.clone()), pushname })
}

#[cfg(test)]
mod tests;
