//! What the caller of a send route gets back.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::message::{Content, Media, MediaKind, Message};

use crate::{
    party::{ChatView, PartyView},
    rfc3339,
};

/// A message that WhatsApp's server has acknowledged.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMessageView {
    /// Its id on WhatsApp.
    #[schema(example = "3EB0A9253FA64269E11C9D")]
    pub message_id: String,
    /// Always `outgoing`.
    #[schema(example = "outgoing")]
    pub direction: String,
    /// What kind of message it is.
    #[schema(example = "text")]
    pub message_type: String,
    /// Its words: the text or the caption. A sticker has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub content: Option<String>,
    /// Its media, when it has some.
    #[serde(flatten)]
    pub media: Option<SentMediaView>,
    /// When the server took it, RFC 3339.
    pub timestamp: String,
    /// Where it went.
    pub chat: ChatView,
    /// Who sent it: the instance.
    pub sender: PartyView,
    /// The caller's tag, `api` when none was given.
    #[schema(example = "api")]
    pub source: String,
    /// The message it answers, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply_to: Option<ReplyToView>,
    /// Who is mentioned, when somebody is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub mentions: Vec<String>,
}

/// The media of a message that was sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentMediaView {
    /// Where WhatsApp keeps it, encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media_url: Option<String>,
    /// Its type, as found in its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "image/jpeg")]
    pub media_mime_type: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media_size: Option<u64>,
    /// Its length in seconds, where that could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media_duration: Option<u32>,
}

impl From<&Media> for SentMediaView {
    fn from(media: &Media) -> Self {
        Self {
            media_url: media.url.clone(),
            media_mime_type: media.mime_type.clone(),
            media_size: media.size,
            media_duration: media.duration,
        }
    }
}

/// The message another one answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplyToView {
    /// Its id on WhatsApp.
    pub message_id: String,
}

impl From<&Message> for SentMessageView {
    fn from(message: &Message) -> Self {
        let media = match &message.content {
            Content::Media(media) => Some(media),
            _ => None,
        };
        let is_sticker = media.is_some_and(|media| media.kind == MediaKind::Sticker);
        Self {
            message_id: message.id.to_string(),
            direction: message.direction.as_str().to_owned(),
            message_type: message.content.type_name().to_owned(),
            content: (!is_sticker).then(|| message.content.text().to_owned()),
            media: media.map(SentMediaView::from),
            timestamp: rfc3339(message.timestamp),
            chat: ChatView::from(&message.chat),
            sender: PartyView::from(&message.sender),
            source: message.source.clone().unwrap_or_default(),
            reply_to: message
                .quote
                .as_ref()
                .map(|quote| ReplyToView { message_id: quote.message_id.to_string() }),
            mentions: message.mentions.iter().map(ToString::to_string).collect(),
        }
    }
}
