use std::{collections::HashMap, sync::Arc};

use chrono::DateTime;
use wacore::types::{
    events::InboundMessage,
    message::{MessageInfo, MessageSource},
};
use wacore_binary::Jid as LibraryJid;
use waproto::whatsapp::{Conversation, Pushname, WebMessageInfo, web_message_info::Status};
use wharf_domain::{
    instance::Profile,
    message::{ChatKind, Direction, MessageStatus},
    ports::HistoricMessage,
};

use super::{
    address::{Aliases, from_library, to_library},
    message::inbound,
};

/// The chat of everybody's status updates.
pub(crate) const STATUS: &str = "status@broadcast";

/// How many names are kept.
const ROOM: usize = 10_000;
/// What stands in the history for a name that is not known.
const NO_NAME: &str = "-";

/// The names of people, as a piece of history tells them for the pieces after it.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Keeps the names of a piece of history, as many as there is room for.
    pub(crate) fn learn(&mut self, names: &[Pushname]) {
        for name in names {
            if let (Some(id), Some(name)) = (&name.id, &name.pushname)
                && self.0.len() < ROOM
                && !name.is_empty()
                && name != NO_NAME
            {
                self.0.insert(id.clone(), name.clone());
            }
        }
    }

    fn of(&self, jid: &LibraryJid) -> Option<String> {
        self.0.get(&jid.to_non_ad_string()).cloned()
    }
}

/// A message of a chat's history as if it had just been received, and what has become of it.
pub(crate) fn said_in(
    chat: &Conversation,
    mut past: WebMessageInfo,
    own: &Profile,
    names: &Names,
) -> Option<(InboundMessage, MessageStatus)> {
    let key = past.key.take()?;
    let message = past.message.take()?;
    let place: LibraryJid = key.remote_jid.as_deref().unwrap_or(&chat.id).parse().ok()?;
    let is_private = ChatKind::of(&from_library(&place)?) == ChatKind::Private;
    let is_from_me = key.from_me.unwrap_or(false);
    let author = key.participant.as_deref().or(past.participant.as_deref());
    let sender = if is_from_me {
        to_library(own.jid.as_ref()?)
    } else if is_private {
        place.clone()
    } else {
        author?.parse().ok()?
    };
    let other = other_address(chat, &place).filter(|_| is_private);
    let (sender_alt, recipient_alt) = if is_from_me { (None, other) } else { (other, None) };
    let name = past.push_name.filter(|name| !name.is_empty() && name != NO_NAME);
    let name = name.or_else(|| names.of(&sender)).or(past.verified_biz_name);
    let seconds = past.message_timestamp.and_then(|seconds| i64::try_from(seconds).ok())?;
    let info = MessageInfo {
        id: key.id?,
        source: MessageSource {
            chat: place,
            sender,
            is_from_me,
            is_group: !is_private,
            sender_alt,
            recipient_alt,
            ..MessageSource::default()
        },
        push_name: name.unwrap_or_default(),
        timestamp: DateTime::from_timestamp(seconds, 0)?,
        ..MessageInfo::default()
    };
    let received =
        InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build();
    Some((received, status(past.status)))
}

/// A message of the past in our words; `None` when it has nothing to say to people.
pub(crate) fn historic(
    chat: &Conversation,
    received: &InboundMessage,
    status: MessageStatus,
    own: &Profile,
    aliases: &Aliases,
) -> Option<HistoricMessage> {
    let told = inbound(received, None, own, aliases)?;
    let mut message = told.message;
    if message.chat.kind == ChatKind::Group {
        message.chat.party.name = chat.name.clone().filter(|name| !name.is_empty());
    }
    let status = match message.direction {
        Direction::Outgoing => status,
        // What became of it is news about our own messages only.
        Direction::Incoming => MessageStatus::Delivered,
    };
    Some(HistoricMessage { message, raw: told.raw, status })
}

/// The other address of whom a chat is with, as the phone gives it.
fn other_address(chat: &Conversation, place: &LibraryJid) -> Option<LibraryJid> {
    [&chat.pn_jid, &chat.lid_jid]
        .into_iter()
        .filter_map(|jid| jid.as_deref()?.parse::<LibraryJid>().ok())
        .find(|jid| jid.server != place.server)
}

fn status(status: Option<Status>) -> MessageStatus {
    match status {
        Some(Status::ERROR) => MessageStatus::Failed,
        Some(Status::PENDING) => MessageStatus::Pending,
        Some(Status::SERVER_ACK) | None => MessageStatus::Sent,
        Some(Status::DELIVERY_ACK) => MessageStatus::Delivered,
        Some(Status::READ) => MessageStatus::Read,
        Some(Status::PLAYED) => MessageStatus::Played,
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
