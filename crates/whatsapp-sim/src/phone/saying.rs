//! What an owner says in a chat, besides files: from the words to the message.

use serde::Deserialize;
use wacore::proto_helpers::{MessageExt as _, build_quote_context, build_reaction_message};
use wacore_binary::Jid;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::inbox::{Entry, Inbox};
use crate::error::{Error, Result};
use crate::room::is_room;

mod change;
mod poll;
mod reply;

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
                poll::poll(question, options, selectable.unwrap_or(1))?
            }
            Self::PollVote { message_id, options } => poll::vote(scene, message_id, options)?,
            Self::Edit { message_id, text, sealed } => {
                change::edit(scene, message_id, text, *sealed)?
            }
            Self::Revoke { message_id } => change::revoke(scene, message_id)?,
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

#[cfg(test)]
mod tests;
