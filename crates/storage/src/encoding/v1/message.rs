use serde::{Deserialize, Serialize};
use wharf_domain::{
    Error,
    address::Jid,
    message::{self as domain, MessageId},
};

use super::{
    address::{Chat, Party, optional},
    time,
};
use crate::error;

#[derive(Serialize, Deserialize)]
pub(in crate::encoding) struct Message {
    id: String,
    direction: Direction,
    timestamp: i64,
    chat: Chat,
    sender: Party,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<Party>,
    content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quote: Option<Quote>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_forwarded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Incoming,
    Outgoing,
}

#[derive(Serialize, Deserialize)]
struct Quote {
    message_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Text(String),
    Media(Media),
    Location { latitude: f64, longitude: f64, name: Option<String>, address: Option<String> },
    Contacts(Vec<ContactCard>),
    Reaction { target: String, emoji: Option<String> },
    ButtonReply { id: String, text: String },
    ListReply { id: String, title: String },
    FlowReply { name: String, params: String, text: String },
    Poll { title: String, options: Vec<String>, selectable: u32 },
    PollVote { target: String, selected: Vec<String> },
    Edit { target: String, text: String },
    Revoke { target: String },
    Other(String),
}

#[derive(Serialize, Deserialize)]
struct ContactCard {
    display_name: String,
    vcard: String,
}

#[derive(Serialize, Deserialize)]
struct Media {
    kind: MediaKind,
    url: Option<String>,
    mime_type: Option<String>,
    file_name: Option<String>,
    caption: Option<String>,
    size: Option<u64>,
    duration: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MediaKind {
    Image,
    Video,
    VideoNote,
    Audio,
    VoiceNote,
    Document,
    Sticker,
}

impl TryFrom<&domain::Message> for Message {
    type Error = error::Error;

    fn try_from(message: &domain::Message) -> error::Result<Self> {
        Ok(Self {
            id: message.id.to_string(),
            direction: match message.direction {
                domain::Direction::Incoming => Direction::Incoming,
                domain::Direction::Outgoing => Direction::Outgoing,
            },
            timestamp: message.timestamp.timestamp_micros(),
            chat: (&message.chat).into(),
            sender: (&message.sender).into(),
            recipient: message.recipient.as_ref().map(Into::into),
            content: (&message.content).try_into()?,
            quote: message.quote.as_ref().map(Into::into),
            mentions: message.mentions.iter().map(ToString::to_string).collect(),
            is_forwarded: message.is_forwarded,
            source: message.source.clone(),
        })
    }
}

impl TryFrom<Message> for domain::Message {
    type Error = Error;

    fn try_from(message: Message) -> Result<Self, Error> {
        Ok(Self {
            id: MessageId::parse(message.id)?,
            direction: match message.direction {
                Direction::Incoming => domain::Direction::Incoming,
                Direction::Outgoing => domain::Direction::Outgoing,
            },
            timestamp: time(message.timestamp)?,
            chat: message.chat.try_into()?,
            sender: message.sender.try_into()?,
            recipient: message.recipient.map(TryInto::try_into).transpose()?,
            content: message.content.try_into()?,
            quote: message.quote.map(TryInto::try_into).transpose()?,
            mentions: message
                .mentions
                .iter()
                .map(|raw| Jid::parse(raw))
                .collect::<Result<_, _>>()?,
            is_forwarded: message.is_forwarded,
            source: message.source,
        })
    }
}

impl From<&domain::Quote> for Quote {
    fn from(quote: &domain::Quote) -> Self {
        Self {
            message_id: quote.message_id.to_string(),
            author: quote.author.as_ref().map(ToString::to_string),
            text: quote.text.clone(),
        }
    }
}

impl TryFrom<Quote> for domain::Quote {
    type Error = Error;

    fn try_from(quote: Quote) -> Result<Self, Error> {
        Ok(Self {
            message_id: MessageId::parse(quote.message_id)?,
            author: optional(quote.author.as_deref())?,
            text: quote.text,
        })
    }
}

impl TryFrom<&domain::Content> for Content {
    type Error = error::Error;

    fn try_from(content: &domain::Content) -> error::Result<Self> {
        use domain::Content as D;
        Ok(match content.clone() {
            D::Text(text) => Self::Text(text),
            D::Media(media) => Self::Media(media.into()),
            D::Location { latitude, longitude, name, address } => {
                Self::Location { latitude, longitude, name, address }
            }
            D::Contacts(cards) => Self::Contacts(
                cards
                    .into_iter()
                    .map(|card| ContactCard { display_name: card.display_name, vcard: card.vcard })
                    .collect(),
            ),
            D::Reaction { target, emoji } => Self::Reaction { target: target.to_string(), emoji },
            D::ButtonReply { id, text } => Self::ButtonReply { id, text },
            D::ListReply { id, title } => Self::ListReply { id, title },
            D::FlowReply { name, params, text } => Self::FlowReply { name, params, text },
            D::Poll { title, options, selectable } => Self::Poll { title, options, selectable },
            D::PollVote { target, selected } => {
                Self::PollVote { target: target.to_string(), selected }
            }
            D::Edit { target, text } => Self::Edit { target: target.to_string(), text },
            D::Revoke { target } => Self::Revoke { target: target.to_string() },
            D::Other(name) => Self::Other(name),
            _ => return Err(error::Error::UnknownEncoding("message content")),
        })
    }
}

impl TryFrom<Content> for domain::Content {
    type Error = Error;

    fn try_from(content: Content) -> Result<Self, Error> {
        Ok(match content {
            Content::Text(text) => Self::Text(text),
            Content::Media(media) => Self::Media(media.into()),
            Content::Location { latitude, longitude, name, address } => {
                Self::Location { latitude, longitude, name, address }
            }
            Content::Contacts(cards) => Self::Contacts(
                cards
                    .into_iter()
                    .map(|card| domain::ContactCard {
                        display_name: card.display_name,
                        vcard: card.vcard,
                    })
                    .collect(),
            ),
            Content::Reaction { target, emoji } => {
                Self::Reaction { target: MessageId::parse(target)?, emoji }
            }
            Content::ButtonReply { id, text } => Self::ButtonReply { id, text },
            Content::ListReply { id, title } => Self::ListReply { id, title },
            Content::FlowReply { name, params, text } => Self::FlowReply { name, params, text },
            Content::Poll { title, options, selectable } => {
                Self::Poll { title, options, selectable }
            }
            Content::PollVote { target, selected } => {
                Self::PollVote { target: MessageId::parse(target)?, selected }
            }
            Content::Edit { target, text } => {
                Self::Edit { target: MessageId::parse(target)?, text }
            }
            Content::Revoke { target } => Self::Revoke { target: MessageId::parse(target)? },
            Content::Other(name) => Self::Other(name),
        })
    }
}

impl From<domain::Media> for Media {
    fn from(media: domain::Media) -> Self {
        let kind = match media.kind {
            domain::MediaKind::Image => MediaKind::Image,
            domain::MediaKind::Video => MediaKind::Video,
            domain::MediaKind::VideoNote => MediaKind::VideoNote,
            domain::MediaKind::Audio => MediaKind::Audio,
            domain::MediaKind::VoiceNote => MediaKind::VoiceNote,
            domain::MediaKind::Document => MediaKind::Document,
            domain::MediaKind::Sticker => MediaKind::Sticker,
        };
        let domain::Media { kind: _, url, mime_type, file_name, caption, size, duration } = media;
        Self { kind, url, mime_type, file_name, caption, size, duration }
    }
}

impl From<Media> for domain::Media {
    fn from(media: Media) -> Self {
        let kind = match media.kind {
            MediaKind::Image => domain::MediaKind::Image,
            MediaKind::Video => domain::MediaKind::Video,
            MediaKind::VideoNote => domain::MediaKind::VideoNote,
            MediaKind::Audio => domain::MediaKind::Audio,
            MediaKind::VoiceNote => domain::MediaKind::VoiceNote,
            MediaKind::Document => domain::MediaKind::Document,
            MediaKind::Sticker => domain::MediaKind::Sticker,
        };
        let Media { kind: _, url, mime_type, file_name, caption, size, duration } = media;
        Self { kind, url, mime_type, file_name, caption, size, duration }
    }
}
