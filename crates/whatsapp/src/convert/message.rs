use bytes::Bytes;
use sha2::{Digest, Sha256};
use wacore::types::{
    events::InboundMessage,
    message::{EditAttribute, MessageCategory, MessageInfo},
};
use wacore_binary::JidExt;
use waproto::whatsapp::ContextInfo;
use wharf_domain::{
    address::{Jid, Party},
    event::EventKey,
    instance::Profile,
    message::{Chat, ChatKind, Content, Direction, Message, MessageId, Quote},
    ports::Inbound,
};

use super::{
    address::{Aliases, from_library},
    content, context, key,
    sealed::{Opened, addresses_of_sealed},
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
    // We know ourselves.
    if source.sender_alt.is_none() && !source.is_from_me {
        addresses.push(source.sender.clone());
    }
    addresses.extend(surroundings(&inbound.message).and_then(context::quoted_author));
    addresses.extend(addresses_of_sealed(&inbound.message));
    addresses
}

/// The pairs of addresses that came with a message.
pub(crate) fn pairs(inbound: &InboundMessage) -> [Option<(Jid, Jid)>; 2] {
    let pair = |one: &wacore_binary::Jid, other: Option<&wacore_binary::Jid>| {
        Some((from_library(one)?, from_library(other?)?))
    };
    let source = &inbound.info.source;
    let (chat_alt, _) = alternatives(&inbound.info);
    [pair(&source.sender, source.sender_alt.as_ref()), pair(&source.chat, chat_alt)]
}

/// What surrounds the content; of an edit, what surrounds the new content.
fn surroundings(message: &waproto::whatsapp::Message) -> Option<&ContextInfo> {
    let inner = unwrapped(message);
    context::of(content::edited(inner).unwrap_or(inner))
}

/// A message of the library in our words, with what was sealed in it if that was `opened`; `None` when it has nothing to
/// say to people.
pub(crate) fn inbound(
    inbound: &InboundMessage,
    opened: Option<&Opened>,
    own: &Profile,
    aliases: &Aliases,
) -> Option<Inbound> {
    let info = &*inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let message = match opened {
        Some(Opened::Message(inner)) => inner,
        _ => &*inbound.message,
    };
    let content = match opened {
        Some(Opened::Vote(vote)) => vote.clone(),
        _ => said(info, unwrapped(message))?,
    };
    let surroundings = surroundings(message);
    let Some((id, chat, sender)) = envelope(info, own, aliases) else {
        tracing::warn!(
            id = info.id,
            "a message with an address we have no word for was passed over"
        );
        return None;
    };
    let is_own = info.source.is_from_me;
    let recipient = (is_own && chat.kind == ChatKind::Private).then(|| chat.party.clone());
    let quote = surroundings.and_then(|context| context::quote(context, aliases));
    let message = Message {
        id,
        direction: if is_own { Direction::Outgoing } else { Direction::Incoming },
        timestamp: info.timestamp,
        chat,
        sender,
        recipient,
        content,
        quote: quote.or_else(|| commented(info)),
        mentions: surroundings.map(context::mentions).unwrap_or_default(),
        is_forwarded: surroundings.is_some_and(context::is_forwarded),
        source: None,
    };
    let raw = waproto::codec::message_to_vec(without_device_note(&inbound.message));
    Some(Inbound { key: key(inbound), message, raw: Bytes::from(raw) })
}

/// What a message says. A post of a newsletter is changed or taken back by another of the same id.
fn said(info: &MessageInfo, message: &waproto::whatsapp::Message) -> Option<Content> {
    let content = content::of(message);
    if !info.source.chat.is_newsletter() {
        return content;
    }
    let target = || MessageId::parse(info.id.as_str()).ok();
    match (&info.edit, content) {
        (EditAttribute::AdminRevoke | EditAttribute::SenderRevoke, _) => {
            Some(Content::Revoke { target: target()? })
        }
        (_, Some(edit @ Content::Edit { .. })) => Some(edit),
        (EditAttribute::AdminEdit | EditAttribute::MessageEdit, Some(new)) => {
            Some(Content::Edit { target: target()?, text: new.text().to_owned() })
        }
        (_, content) => content,
    }
}

/// The post that a comment is on, which is told beside the comment.
fn commented(info: &MessageInfo) -> Option<Quote> {
    let post = info.comment_target.as_ref()?;
    let message_id = MessageId::parse(post.id.as_deref()?).ok()?;
    let author = post.participant.as_deref().and_then(|author| Jid::parse(author).ok());
    Some(Quote { message_id, author, text: String::new() })
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
    let mut kind =
        edit.as_ref().map(|edit| format!("|{}", edit.to_string_val())).unwrap_or_default();
    // All changes of a newsletter's post come under its id.
    if edit.is_some() && info.source.chat.is_newsletter() {
        let content = waproto::codec::message_to_vec(&inbound.message);
        kind = format!("{kind}|{}", hex::encode(&Sha256::digest(content)[..8]));
    }
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
