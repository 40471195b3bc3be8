//! Messages that only open together with an earlier one: votes in polls, and what newer clients encrypt under the secret
//! of the message it is about.

use wacore::poll::{self, PollVoteAddressing, PollVoteCiphertext};
use wacore::types::{events::InboundMessage, message::MessageInfo};
use waproto::{
    buffa::MessageField,
    whatsapp::{Message, MessageKey},
};
use wharf_domain::{
    address::Jid,
    instance::Profile,
    message::{Content, MessageId},
};
use whatsapp_rust::features::message_edit::{
    SecretEncKind, decrypt_secret_encrypted, extract_secret_encrypted,
};

use super::{
    address::{Aliases, from_library, to_library},
    content,
    wrapping::unwrapped,
};

type LibraryJid = wacore_binary::Jid;

/// A message that has been opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Opened {
    /// The options somebody picked in a poll.
    Vote(Content),
    /// What was encrypted.
    Message(Box<Message>),
}

/// The message that is needed to open another one; `None` for what is open already.
pub(crate) fn opened_with(message: &Message) -> Option<MessageId> {
    let message = unwrapped(message);
    let key = match message.poll_update_message.as_option() {
        Some(update) => update.poll_creation_message_key.as_option()?,
        None => extract_secret_encrypted(message)?.target_message_key,
    };
    MessageId::parse(key.id.as_deref()?).ok()
}

/// The addresses that open a message and are not known with it.
pub(crate) fn addresses_of_sealed(message: &Message) -> Vec<LibraryJid> {
    let message = unwrapped(message);
    let key = match message.poll_update_message.as_option() {
        Some(update) => update.poll_creation_message_key.as_option(),
        None => extract_secret_encrypted(message).map(|sealed| sealed.target_message_key),
    };
    key.and_then(author_in).into_iter().collect()
}

fn author_in(key: &MessageKey) -> Option<LibraryJid> {
    key.participant.as_deref().or(key.remote_jid.as_deref())?.parse().ok()
}

/// Opens a message with the one it is about. `None` when it does not fit or is not understood.
pub(crate) fn open(
    sealed: &InboundMessage,
    about: &Message,
    own: &Profile,
    aliases: &Aliases,
) -> Option<Opened> {
    let message = unwrapped(&sealed.message);
    let secret = secret_of(about)?;
    let id = opened_with(message)?;
    // The keys hang on how both are addressed, and phones do not agree on that. There are few ways, so all are tried.
    let actors = actors(&sealed.info, own, aliases);
    if let Some(update) = message.poll_update_message.as_option() {
        let vote = update.vote.as_option()?;
        let vote = PollVoteCiphertext {
            enc_payload: vote.enc_payload.as_deref()?,
            enc_iv: vote.enc_iv.as_deref()?,
        };
        let key = update.poll_creation_message_key.as_option()?;
        let authors = authors(key, &sealed.info, &actors, own, aliases);
        let picked = pairs(&authors, &actors).find_map(|(author, actor)| {
            let addressing = PollVoteAddressing {
                poll_creator_jid: &author.to_string(),
                voter_jid: &actor.to_string(),
            };
            poll::decrypt_poll_vote_with_fallback(vote, secret, id.as_str(), addressing, None).ok()
        })?;
        let (_, options, _) = content::poll(unwrapped(about))?;
        let is_picked = |name: &String| {
            let hash = poll::compute_option_hash(name);
            picked.iter().any(|picked| picked[..] == hash)
        };
        let selected: Vec<_> = options.into_iter().filter(is_picked).collect();
        // Options that were added later are not in it. To say that nothing was picked would be another vote.
        if selected.is_empty() && !picked.is_empty() {
            return None;
        }
        return Some(Opened::Vote(Content::PollVote { target: id, selected }));
    }
    let envelope = extract_secret_encrypted(message)?;
    let authors = match envelope.kind {
        // Nobody else may change what somebody wrote.
        SecretEncKind::MessageEdit => actors.clone(),
        _ => authors(envelope.target_message_key, &sealed.info, &actors, own, aliases),
    };
    let mut inner = pairs(&authors, &actors).find_map(|(author, actor)| {
        let (author, actor) = (to_library(author), to_library(actor));
        let (payload, iv) = (envelope.enc_payload, envelope.enc_iv);
        decrypt_secret_encrypted(payload, iv, secret, envelope.kind, id.as_str(), &author, &actor)
            .ok()
    })?;
    if envelope.kind == SecretEncKind::EncReaction
        && let Some(reaction) = inner.reaction_message.as_option_mut()
    {
        reaction.key = MessageField::some(envelope.target_message_key.clone());
    }
    Some(Opened::Message(Box::new(inner)))
}

fn secret_of(message: &Message) -> Option<&[u8]> {
    [message, unwrapped(message)]
        .into_iter()
        .find_map(|message| message.message_context_info.as_option()?.message_secret.as_deref())
}

/// Who sent it, under every address.
fn actors(info: &MessageInfo, own: &Profile, aliases: &Aliases) -> Vec<Jid> {
    let mut actors = Vec::new();
    let source = &info.source;
    for address in [Some(&source.sender), source.sender_alt.as_ref()].into_iter().flatten() {
        actors.extend(from_library(address));
    }
    if source.is_from_me {
        actors.extend(own.jid.iter().chain(&own.lid).cloned());
    }
    both_ways(actors, aliases)
}

/// Who may have sent what it is about, under every address. A key says so from where its writer stands.
fn authors(
    key: &MessageKey,
    info: &MessageInfo,
    actors: &[Jid],
    own: &Profile,
    aliases: &Aliases,
) -> Vec<Jid> {
    let mut authors: Vec<_> =
        key.participant.as_deref().and_then(|it| Jid::parse(it).ok()).into_iter().collect();
    if key.from_me.unwrap_or(false) {
        authors.extend_from_slice(actors);
    } else if !info.source.is_from_me {
        authors.extend(own.jid.iter().chain(&own.lid).cloned());
    }
    authors.extend(author_in(key).as_ref().and_then(from_library));
    authors.extend(from_library(&info.source.chat));
    authors.extend_from_slice(actors);
    both_ways(authors, aliases)
}

/// Each address with the other one of the same user, once.
fn both_ways(addresses: Vec<Jid>, aliases: &Aliases) -> Vec<Jid> {
    let mut all = Vec::new();
    for jid in addresses {
        let other = aliases.other(&jid);
        for jid in std::iter::once(jid).chain(other) {
            if !all.contains(&jid) {
                all.push(jid);
            }
        }
    }
    all
}

fn pairs<'a>(authors: &'a [Jid], actors: &'a [Jid]) -> impl Iterator<Item = (&'a Jid, &'a Jid)> {
    authors.iter().flat_map(move |author| actors.iter().map(move |actor| (author, actor)))
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
