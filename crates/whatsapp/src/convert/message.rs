use bytes::Bytes;
use wacore::types::{
    events::InboundMessage,
    message::{EditAttribute, MessageCategory, MessageInfo},
};
use wharf_domain::{
    address::{Jid, Party},
    event::EventKey,
    instance::Profile,
    message::{Chat, ChatKind, Direction, Message, MessageId},
    ports::Inbound,
};

use super::{
    address::{Aliases, from_library},
    content, context, key,
    wrapping::{unwrapped, without_device_note},
};

/// The addresses in a message whose other half did not come with it.
pub(crate) fn addresses(inbound: &InboundMessage) -> Vec<wacore_binary::Jid> {
    let source = &inbound.info.source;
    let mut addresses = Vec::new();
    let (chat_alt, _) = alternatives(&inbound.info);
    if chat_alt.is_none() && !source.is_group {
        addresses.push(source.chat.clone());
    }
    if source.sender_alt.is_none() {
        addresses.push(source.sender.clone());
    }
    let context = context::of(unwrapped(&inbound.message));
    addresses.extend(context.and_then(context::quoted_author));
    addresses
}

/// A message of the library in our words; `None` when it has nothing to say to people.
pub(crate) fn inbound(
    inbound: &InboundMessage,
    own: &Profile,
    aliases: &Aliases,
) -> Option<Inbound> {
    let info = &*inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let inner = unwrapped(&inbound.message);
    let content = content::of(inner)?;
    let surroundings = context::of(inner);
    let Some((id, chat, sender)) = envelope(info, own, aliases) else {
        tracing::warn!(
            id = info.id,
            "a message with an address we have no word for was passed over"
        );
        return None;
    };
    let is_own = info.source.is_from_me;
    let recipient = (is_own && chat.kind == ChatKind::Private).then(|| chat.party.clone());
    let message = Message {
        id,
        direction: if is_own { Direction::Outgoing } else { Direction::Incoming },
        timestamp: info.timestamp,
        chat,
        sender,
        recipient,
        content,
        quote: surroundings.and_then(|context| context::quote(context, aliases)),
        mentions: surroundings.map(context::mentions).unwrap_or_default(),
        is_forwarded: surroundings.is_some_and(context::is_forwarded),
        source: None,
    };
    let raw = waproto::codec::message_to_vec(without_device_note(&inbound.message));
    Some(Inbound { key: key(inbound), message, raw: Bytes::from(raw) })
}

/// What a message is recognised by when it is delivered again: as it was received, before any look-up.
///
/// Edits and deletions may come under the id of the message they change; the stanza tells them apart, or else the content.
fn key(inbound: &InboundMessage) -> EventKey {
    let info = &*inbound.info;
    let edit = match &info.edit {
        EditAttribute::Empty => EditAttribute::infer_from_message(&inbound.message),
        edit => Some(edit.clone()),
    };
    let kind = edit.as_ref().map(|edit| format!("|{}", edit.to_string_val())).unwrap_or_default();
    let chat = info.source.chat.to_non_ad_string();
    let sender = info.source.sender.to_non_ad_string();
    key::bounded("message", format!("{chat}|{sender}|{}{kind}", info.id))
}

fn envelope(
    info: &MessageInfo,
    own: &Profile,
    aliases: &Aliases,
) -> Option<(MessageId, Chat, Party)> {
    let id = MessageId::parse(info.id.as_str()).ok()?;
    let (chat_alt, chat_name) = alternatives(info);
    let address = from_library(&info.source.chat)?;
    let kind = ChatKind::of(&address);
    let chat =
        Chat { party: aliases.party(address, chat_alt, chat_name), kind, is_community: false };
    let sender = if info.source.is_from_me {
        ourselves(own).or_else(|| {
            from_library(&info.source.sender).map(|jid| aliases.party(jid, None, None))
        })?
    } else {
        let sender = from_library(&info.source.sender)?;
        aliases.party(sender, info.source.sender_alt.as_ref(), name(info))
    };
    Some((id, chat, sender))
}

/// The other address of the chat as it came with the message, and the name of whom it is with.
fn alternatives(info: &MessageInfo) -> (Option<&wacore_binary::Jid>, Option<String>) {
    let source = &info.source;
    if source.is_group || !matches!(from_library(&source.chat), Some(jid) if is_private(&jid)) {
        (None, None)
    } else if source.is_from_me {
        (source.recipient_alt.as_ref().or(info.peer_recipient_pn.as_ref()), None)
    } else {
        (source.sender_alt.as_ref(), name(info))
    }
}

fn is_private(jid: &Jid) -> bool {
    ChatKind::of(jid) == ChatKind::Private
}

fn ourselves(own: &Profile) -> Option<Party> {
    Some(Party::of(own.jid.clone()?, own.lid.clone(), own.name.clone()))
}

fn name(info: &MessageInfo) -> Option<String> {
    let verified = info.verified_name.as_ref().and_then(|name| name.name.clone());
    Some(info.push_name.clone()).filter(|name| !name.is_empty()).or(verified)
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
