//! What an owner says in a chat, besides files: from the words to the message.

use serde::Deserialize;
use wacore::message_edit::{MessageEditContext, encrypt_message_edit};
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use wacore::proto_helpers::{MessageExt as _, build_quote_context, build_reaction_message};
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

use super::content::poll_of;
use super::inbox::{Entry, Inbox};
use crate::error::{Error, Result};
use crate::room::is_room;

mod reply;

/// How many options a poll may have.
const OPTIONS: std::ops::RangeInclusive<usize> = 2..=12;

/// Something an owner says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Saying {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A place.
    Location {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// What it is called.
        name: Option<String>,
        /// Where it is, in words.
        address: Option<String>,
    },
    /// Where the owner is, as it changes.
    LiveLocation {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// What is written below it.
        caption: Option<String>,
        /// Counts the places told.
        sequence: Option<i64>,
    },
    /// Somebody's card.
    Contact {
        /// The name on it.
        name: String,
        /// The phone number on it.
        number: String,
    },
    /// Several cards.
    Contacts {
        /// The cards.
        contacts: Vec<Card>,
    },
    /// An emoji on a message; an empty one takes it back.
    Reaction {
        /// The message.
        message_id: String,
        /// The emoji.
        emoji: String,
    },
    /// A question with answers to choose from.
    Poll {
        /// The question.
        question: String,
        /// The answers.
        options: Vec<String>,
        /// How many may be chosen; one if nothing is said, any number for 0.
        selectable: Option<u32>,
    },
    /// What the owner chooses in a poll, in place of all earlier choices.
    PollVote {
        /// The poll.
        message_id: String,
        /// The answers chosen.
        options: Vec<String>,
    },
    /// Other words for an earlier message of the owner's.
    Edit {
        /// The message.
        message_id: String,
        /// The words.
        text: String,
        /// Whether they are encrypted under the message's secret, as newer clients do.
        #[serde(default)]
        sealed: bool,
    },
    /// An earlier message is taken away from everybody: in a group another member's, too.
    Revoke {
        /// The message.
        message_id: String,
    },
    /// A tap on a button.
    ButtonReply {
        /// The message with the button.
        message_id: Option<String>,
        /// Which button.
        button_id: String,
        /// What is written on it.
        text: String,
    },
    /// A tap on a template's button.
    TemplateReply {
        /// The message with the button.
        message_id: Option<String>,
        /// Which button.
        button_id: String,
        /// What is written on it.
        text: String,
        /// Its place in the message.
        #[serde(default)]
        index: u32,
    },
    /// A pick from a list.
    ListReply {
        /// The message with the list.
        message_id: Option<String>,
        /// Which row.
        row_id: String,
        /// What is written on it.
        title: String,
        /// What is written below that.
        description: Option<String>,
    },
    /// The answer to an interactive message.
    FlowReply {
        /// The message answered.
        message_id: Option<String>,
        /// The flow's name: `quick_reply`, `single_select`, ….
        name: String,
        /// What has been filled in.
        params: serde_json::Value,
        /// What people are shown of it.
        #[serde(default)]
        text: String,
    },
}

/// Somebody's card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The name on it.
    pub name: String,
    /// The phone number on it.
    pub number: String,
}

/// How something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// The message it answers, by its id.
    pub quoted: Option<String>,
    /// Whom it mentions: numbers or addresses. Their names in the text are the caller's.
    pub mentions: Vec<String>,
    /// Whether it is passed on from somewhere else.
    pub forwarded: bool,
    /// Whom a status is shown to: numbers or addresses.
    pub viewers: Vec<String>,
}

/// Where something is said, as the phone knows the place.
pub(crate) struct Scene<'s> {
    /// The chat, as the phone addresses it.
    pub(crate) chat: &'s Jid,
    /// The owner, as the others there know the account.
    pub(crate) own: &'s Jid,
    /// What is on the phone.
    pub(crate) inbox: &'s Inbox,
    /// How people are addressed there, by what the phone or its owner calls them.
    pub(crate) address: &'s dyn Fn(&str) -> Option<Jid>,
    /// In milliseconds.
    pub(crate) now: i64,
}

impl Scene<'_> {
    fn entry(&self, id: &str) -> Result<&Entry> {
        self.inbox.entry(id).ok_or(Error::NotFound("message"))
    }

    fn author(&self, entry: &Entry) -> Result<Jid> {
        (self.address)(&entry.shown.from).ok_or(Error::NotFound("author"))
    }

    /// How a message names another one.
    fn key(&self, entry: &Entry) -> Result<wa::MessageKey> {
        let from_me = entry.shown.from_me;
        let participant =
            (is_room(self.chat) && !from_me).then(|| self.author(entry)).transpose()?;
        Ok(wa::MessageKey {
            remote_jid: Some(self.chat.to_string()),
            from_me: Some(from_me),
            id: Some(entry.shown.id.clone()),
            participant: participant.map(|participant| participant.to_string()),
        })
    }

    /// What says which message is answered.
    fn quote(&self, id: &str) -> Result<wa::ContextInfo> {
        let entry = self.inbox.entry(id).ok_or(Error::NotFound("quoted message"))?;
        let content = entry.message().ok_or(Error::NotFound("quoted message"))?;
        Ok(build_quote_context(id, self.author(entry)?.to_string(), &content))
    }
}

impl Manner {
    /// Writes into a message how it is said.
    pub(crate) fn apply(&self, scene: &Scene<'_>, message: &mut wa::Message) -> Result<()> {
        if self.quoted.is_none() && self.mentions.is_empty() && !self.forwarded {
            return Ok(());
        }
        let mut context = match &self.quoted {
            Some(quoted) => scene.quote(quoted)?,
            None => wa::ContextInfo::default(),
        };
        for mentioned in &self.mentions {
            let jid = (scene.address)(mentioned).ok_or(Error::NotFound("mentioned phone"))?;
            context.mentioned_jid.push(jid.to_string());
        }
        if self.forwarded {
            context.is_forwarded = Some(true);
            context.forwarding_score = Some(1);
        }
        if message.set_context_info(context) {
            return Ok(());
        }
        Err(Error::Invalid("such a message neither answers, mentions nor is forwarded".to_owned()))
    }
}

impl Saying {
    /// The message that says so. It carries a secret by which others can refer to it, if others can.
    pub(crate) fn message(&self, scene: &Scene<'_>, manner: &Manner) -> Result<wa::Message> {
        let mut message = self.content(scene)?;
        manner.apply(scene, &mut message)?;
        let refers = matches!(
            self,
            Self::Reaction { .. } | Self::PollVote { .. } | Self::Edit { .. } | Self::Revoke { .. }
        );
        if !refers {
            message.message_context_info = MessageField::some(secret());
        }
        Ok(message)
    }

    fn content(&self, scene: &Scene<'_>) -> Result<wa::Message> {
        Ok(match self {
            Self::Text { text } => {
                wa::Message { conversation: Some(written(text)?), ..Default::default() }
            }
            Self::Location { latitude, longitude, name, address } => wa::Message {
                location_message: MessageField::some(wa::message::LocationMessage {
                    degrees_latitude: Some(*latitude),
                    degrees_longitude: Some(*longitude),
                    name: name.clone(),
                    address: address.clone(),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::LiveLocation { latitude, longitude, caption, sequence } => wa::Message {
                live_location_message: MessageField::some(wa::message::LiveLocationMessage {
                    degrees_latitude: Some(*latitude),
                    degrees_longitude: Some(*longitude),
                    caption: caption.clone(),
                    sequence_number: Some(sequence.unwrap_or(scene.now)),
                    ..Default::default()
                }),
                ..Default::default()
            },
            Self::Contact { name, number } => wa::Message {
                contact_message: MessageField::some(card(name, number)),
                ..Default::default()
            },
            Self::Contacts { contacts } => cards(contacts)?,
            Self::Reaction { message_id, emoji } => {
                let key = scene.key(scene.entry(message_id)?)?;
                build_reaction_message(key, emoji.as_str(), scene.now)
            }
            Self::Poll { question, options, selectable } => {
                poll(question, options, selectable.unwrap_or(1))?
            }
            Self::PollVote { message_id, options } => vote(scene, message_id, options)?,
            Self::Edit { message_id, text, sealed } => edit(scene, message_id, text, *sealed)?,
            Self::Revoke { message_id } => revoke(scene, message_id)?,
            Self::ButtonReply { .. }
            | Self::TemplateReply { .. }
            | Self::ListReply { .. }
            | Self::FlowReply { .. } => reply::message(self, scene)?,
        })
    }
}

/// What is referred to by those who edit, react and vote.
pub(crate) fn secret() -> wa::MessageContextInfo {
    wa::MessageContextInfo {
        message_secret: Some(rand::random::<[u8; 32]>().to_vec()),
        ..Default::default()
    }
}

fn written(text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::Invalid("there is no text".to_owned()));
    }
    Ok(text.to_owned())
}

fn card(name: &str, number: &str) -> wa::message::ContactMessage {
    let vcard = format!(
        "BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n\
         TEL;type=CELL;waid={number}:+{number}\nEND:VCARD"
    );
    wa::message::ContactMessage {
        display_name: Some(name.to_owned()),
        vcard: Some(vcard),
        ..Default::default()
    }
}

fn cards(contacts: &[Card]) -> Result<wa::Message> {
    if contacts.len() < 2 {
        return Err(Error::Invalid("one card is a `contact`, several are two or more".to_owned()));
    }
    let cards = contacts.iter().map(|contact| card(&contact.name, &contact.number)).collect();
    let array = wa::message::ContactsArrayMessage {
        display_name: Some(format!("{} contacts", contacts.len())),
        contacts: cards,
        ..Default::default()
    };
    Ok(wa::Message { contacts_array_message: MessageField::some(array), ..Default::default() })
}

fn poll(question: &str, options: &[String], selectable: u32) -> Result<wa::Message> {
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

fn vote(scene: &Scene<'_>, poll_id: &str, chosen: &[String]) -> Result<wa::Message> {
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

fn edit(scene: &Scene<'_>, target: &str, text: &str, sealed: bool) -> Result<wa::Message> {
    let entry = scene.entry(target)?;
    if !entry.shown.from_me {
        return Err(Error::Conflict("only one's own messages can be changed".to_owned()));
    }
    let original = entry.message().ok_or(Error::NotFound("message"))?;
    let protocol = wa::message::ProtocolMessage {
        key: MessageField::some(scene.key(entry)?),
        r#type: Some(Type::MessageEdit),
        edited_message: MessageField::some(reworded(&original, written(text)?)),
        timestamp_ms: Some(scene.now),
        ..Default::default()
    };
    let edit = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
    if !sealed {
        return Ok(edit);
    }
    let secret = original.message_context_info.message_secret.as_deref();
    let secret = secret.ok_or_else(|| Error::Conflict("the message has no secret".to_owned()))?;
    let own = scene.own.to_string();
    let context =
        MessageEditContext { original_msg_id: target, original_sender_jid: &own, editor_jid: &own };
    let (payload, iv) = encrypt_message_edit(&edit, secret, &context)
        .map_err(|error| Error::Crypto(error.into()))?;
    let envelope = wa::message::SecretEncryptedMessage {
        target_message_key: MessageField::some(scene.key(entry)?),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
        secret_enc_type: Some(SecretEncType::MessageEdit),
        ..Default::default()
    };
    Ok(wa::Message { secret_encrypted_message: MessageField::some(envelope), ..Default::default() })
}

/// The new words: a caption where the message has a file to write below.
fn reworded(original: &wa::Message, text: String) -> wa::Message {
    let mut message = original.get_base_message().clone();
    message.message_context_info = MessageField::none();
    if let Some(image) = message.image_message.as_option_mut() {
        image.caption = Some(text);
    } else if let Some(video) = message.video_message.as_option_mut() {
        video.caption = Some(text);
    } else if let Some(document) = message.document_message.as_option_mut() {
        document.caption = Some(text);
    } else {
        return wa::Message { conversation: Some(text), ..Default::default() };
    }
    message
}

fn revoke(scene: &Scene<'_>, target: &str) -> Result<wa::Message> {
    let entry = scene.entry(target)?;
    if !entry.shown.from_me && !is_room(scene.chat) {
        return Err(Error::Conflict("only one's own messages can be taken away".to_owned()));
    }
    let protocol = wa::message::ProtocolMessage {
        key: MessageField::some(scene.key(entry)?),
        r#type: Some(Type::Revoke),
        ..Default::default()
    };
    Ok(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() })
}

#[cfg(test)]
mod tests;
