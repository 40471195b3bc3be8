//! What the caller of a send route gets back.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::message::Message;

use crate::{
    content::type_name,
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
    /// Its words.
    pub content: String,
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

/// The message another one answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplyToView {
    /// Its id on WhatsApp.
    pub message_id: String,
}

impl From<&Message> for SentMessageView {
    fn from(message: &Message) -> Self {
        Self {
            message_id: message.id.to_string(),
            direction: message.direction.as_str().to_owned(),
            message_type: type_name(&message.content).to_owned(),
            content: message.content.text().to_owned(),
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
