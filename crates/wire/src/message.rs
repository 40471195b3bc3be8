//! The `data` of `message.exchange`.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use wharf_domain::{
    delivery::MediaCopy,
    message::{Content, Message},
};

use crate::{
    base64::Base64,
    content,
    party::{ChatView, PartyView},
    rfc3339,
};

/// A message that was received or sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageExchangeView {
    /// The keys that stand here and are repeated inside `message`.
    #[serde(flatten)]
    pub head: MessageHead,
    /// To whom, when it is outgoing.
    pub recipient: Option<PartyView>,
    /// What it says.
    pub message: MessageView,
    /// Who is mentioned, when somebody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mentions: Option<MentionsView>,
    /// What it answers, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply: Option<ReplyView>,
}

/// What identifies a message.
#[derive(Clone, Serialize, ToSchema)]
pub struct MessageHead {
    /// Its id on WhatsApp; of a deletion, the id of what was deleted.
    pub id: String,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// When it was sent, RFC 3339.
    pub timestamp: String,
    /// Where.
    pub chat: ChatView,
    /// By whom.
    pub sender: PartyView,
}

/// What a message says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// The same keys as beside it.
    #[serde(flatten)]
    pub head: MessageHead,
    /// What kind of message it is.
    pub r#type: String,
    /// Its words.
    pub content: String,
    /// The tag of the API's caller; empty when it was not sent through the API.
    pub source: String,
    /// Whether it was forwarded.
    pub is_forwarded: bool,
    /// Whether it changes an earlier message.
    pub is_edit: bool,
    /// The change, when it is one.
    pub edit: Option<EditView>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Value>,
    /// The media in it.
    pub media: Option<MediaView>,
    /// The place in it.
    pub location: Option<LocationView>,
    /// The first contact card in it.
    pub contact: Option<ContactView>,
    /// All contact cards, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub contacts: Vec<ContactView>,
    /// The reaction it is.
    pub reaction: Option<ReactionView>,
    /// The poll it is; only of polls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub poll: Option<PollView>,
    /// The vote it is; only of votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub poll_vote: Option<PollVoteView>,
    /// The button tapped, the row picked or the flow answered.
    #[schema(value_type = Option<Object>)]
    pub interactive: Option<Value>,
    /// What it answers, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply: Option<ReplyView>,
}

/// Who is mentioned in a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MentionsView {
    /// Their addresses.
    pub mentioned_users: Vec<String>,
}

/// The message another one answers.
#[derive(Clone, Serialize, ToSchema)]
pub struct ReplyView {
    /// Its id.
    pub message_id: String,
    /// Its words, as the answer repeats them.
    pub text: String,
}

/// The change of an earlier message.
#[derive(Serialize, ToSchema)]
pub struct EditView {
    /// The message that was changed.
    pub original_id: String,
    /// Its new text.
    pub text: String,
}

/// A piece of media.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaView {
    /// `image`, `video`, `audio`, `document`, `sticker`, `ptt` or `ptv`.
    pub r#type: String,
    /// Where WhatsApp keeps it, encrypted.
    pub url: Option<String>,
    /// Where the instance's bucket keeps it.
    pub s3_url: Option<String>,
    /// Why there is no such place although the instance has a bucket; only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub s3_error: Option<String>,
    /// The media itself, decrypted; only where the channel asks for it.
    #[schema(value_type = Option<String>)]
    pub base64: Option<Base64>,
    /// Why the media itself is not here although the channel asks for it; only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub base64_error: Option<String>,
    /// The type its sender gave it.
    pub mimetype: Option<String>,
    /// The same, as some clients spell it.
    pub mime_type: Option<String>,
    /// The same, as others do.
    #[serde(rename = "mime_type")]
    pub mime_type_snake: Option<String>,
    /// The name its sender gave it.
    pub file_name: Option<String>,
    /// The text under it.
    pub caption: Option<String>,
    /// Its size in bytes.
    pub file_size: Option<u64>,
    /// Its length in seconds.
    pub duration: Option<u32>,
    /// Whether it was recorded as a voice note.
    pub is_voice_note: bool,
}

/// A place.
#[derive(Serialize, ToSchema)]
pub struct LocationView {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// What it is called.
    pub name: Option<String>,
    /// Where it is, in words.
    pub address: Option<String>,
}

/// A contact card.
#[derive(Clone, Serialize, ToSchema)]
pub struct ContactView {
    /// The name shown.
    pub display_name: String,
    /// The first number on it, digits only.
    pub phone_number: Option<String>,
    /// The card itself.
    pub vcard: String,
}

/// An emoji on another message; empty takes it back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionView {
    /// The emoji.
    pub emoji: String,
    /// The emoji again.
    pub text: String,
    /// The message reacted to.
    pub message_id: String,
    /// The message reacted to, again.
    #[serde(rename = "message_id")]
    pub message_id_snake: String,
}

/// A poll.
#[derive(Serialize, ToSchema)]
pub struct PollView {
    /// The question.
    pub title: String,
    /// The options, in their order.
    pub options: Vec<OptionView>,
    /// How many may be picked; 0 is any number.
    pub selectable: u32,
}

/// Somebody's picks in a poll, in place of that person's earlier ones.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollVoteView {
    /// The poll.
    pub message_id: String,
    /// The options picked; none takes the vote back.
    pub options: Vec<OptionView>,
}

/// An option of a poll.
#[derive(Serialize, ToSchema)]
pub struct OptionView {
    /// Its words.
    pub name: String,
}

impl From<&String> for OptionView {
    fn from(name: &String) -> Self {
        Self { name: name.clone() }
    }
}

impl MessageExchangeView {
    /// Shows a message, with what is known of its media beyond the message itself.
    #[must_use]
    pub fn new(message: &Message, copy: Option<&MediaCopy>) -> Self {
        let head = MessageHead::from(message);
        let reply = reply(message);
        let mentioned_users: Vec<_> = message.mentions.iter().map(ToString::to_string).collect();
        Self {
            recipient: message.recipient.as_ref().map(PartyView::from),
            message: MessageView::new(message, copy, head.clone(), reply.clone()),
            head,
            mentions: (!mentioned_users.is_empty()).then_some(MentionsView { mentioned_users }),
            reply,
        }
    }
}

impl From<&Message> for MessageHead {
    fn from(message: &Message) -> Self {
        let id = match &message.content {
            Content::Revoke { target } => target,
            _ => &message.id,
        };
        Self {
            id: id.to_string(),
            direction: message.direction.as_str().to_owned(),
            timestamp: rfc3339(message.timestamp),
            chat: ChatView::from(&message.chat),
            sender: PartyView::from(&message.sender),
        }
    }
}

impl MessageView {
    fn new(
        message: &Message,
        copy: Option<&MediaCopy>,
        head: MessageHead,
        reply: Option<ReplyView>,
    ) -> Self {
        let content = &message.content;
        let contacts = content::contacts(content);
        let edit = content::edit(content);
        Self {
            head,
            r#type: content.type_name().to_owned(),
            content: content.text().to_owned(),
            source: message.source.clone().unwrap_or_default(),
            is_forwarded: message.is_forwarded,
            is_edit: edit.is_some(),
            edit,
            context: None,
            media: content::media(content, copy),
            location: content::location(content),
            contact: contacts.first().cloned(),
            contacts: if contacts.len() > 1 { contacts } else { Vec::new() },
            reaction: content::reaction(content),
            poll: content::poll(content),
            poll_vote: content::poll_vote(content),
            interactive: content::interactive(content),
            reply,
        }
    }
}

fn reply(message: &Message) -> Option<ReplyView> {
    match (&message.quote, &message.content) {
        (Some(quote), _) => {
            Some(ReplyView { message_id: quote.message_id.to_string(), text: quote.text.clone() })
        }
        // Some clients look for a reaction's target where a reply's is.
        (None, Content::Reaction { target, .. }) => {
            Some(ReplyView { message_id: target.to_string(), text: String::new() })
        }
        (None, _) => None,
    }
}
