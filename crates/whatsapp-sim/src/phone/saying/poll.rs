//! Polls, and what an owner chooses in them.

use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use wacore::proto_helpers::MessageExt as _;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::{Scene, written};
use crate::error::{Error, Result};
use crate::phone::content::poll_of;

/// How many options a poll may have.
const OPTIONS: std::ops::RangeInclusive<usize> = 2..=12;

pub(super) fn poll(question: &str, options: &[String], selectable: u32) -> Result<wa::Message> {
    let distinct: std::collections::BTreeSet<&String> = options.iter().collect();
    let too_many = usize::try_from(selectable).map_or(true, |most| most > options.len());
    if !OPTIONS.contains(&options.len()) || distinct.len() != options.len() || too_many {
        return Err(Error::Invalid(
            "a poll has 2 to 12 different options, and lets no more be chosen".to_owned(),
        ));
    }
    let option = |name: &String| wa::message::poll_creation_message::Option {
        option_name: Some(name.clone()),
        ..Default::default()
    };
    let poll = MessageField::some(wa::message::PollCreationMessage {
        name: Some(written(question)?),
        options: options.iter().map(option).collect(),
        selectable_options_count: Some(selectable),
        poll_content_type: Some(wa::message::PollContentType::TEXT),
        ..Default::default()
    });
    // Clients name the two kinds of poll differently (`GeneratePollCreationMessageProto`).
    Ok(if selectable == 1 {
        wa::Message { poll_creation_message_v3: poll, ..Default::default() }
    } else {
        wa::Message { poll_creation_message: poll, ..Default::default() }
    })
}

pub(super) fn vote(scene: &Scene<'_>, poll_id: &str, chosen: &[String]) -> Result<wa::Message> {
    let entry = scene.entry(poll_id)?;
    let message = entry.message().ok_or(Error::NotFound("message"))?;
    let poll = poll_of(message.get_base_message()).ok_or(Error::NotFound("poll"))?;
    let known = |name: &&String| {
        poll.options.iter().any(|option| option.option_name.as_ref() == Some(*name))
    };
    if let Some(unknown) = chosen.iter().find(|name| !known(name)) {
        return Err(Error::Invalid(format!("the poll has no option `{unknown}`")));
    }
    let secret = message.message_context_info.message_secret.as_deref();
    let secret = secret.ok_or_else(|| Error::Conflict("the poll has no secret".to_owned()))?;
    let hashes: Vec<Vec<u8>> =
        chosen.iter().map(|name| compute_option_hash(name).to_vec()).collect();
    let creator = scene.author(entry)?.to_string();
    let sealed =
        encrypt_poll_vote_with_secret(&hashes, secret, poll_id, &creator, &scene.own.to_string());
    let (payload, iv) = sealed.map_err(|error| Error::Crypto(error.into()))?;
    let update = wa::message::PollUpdateMessage {
        poll_creation_message_key: MessageField::some(scene.key(entry)?),
        vote: MessageField::some(wa::message::PollEncValue {
            enc_payload: Some(payload),
            enc_iv: Some(iv.to_vec()),
        }),
        sender_timestamp_ms: Some(scene.now),
        ..Default::default()
    };
    Ok(wa::Message { poll_update_message: MessageField::some(update), ..Default::default() })
}
