//! The `data` of `label.update`.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::label::{LabelAction, LabelChange};

use crate::rfc3339;

/// Something about labels.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelUpdateView {
    /// Which label, by WhatsApp's id of it.
    #[schema(example = "100")]
    pub label_id: String,
    /// What happened to it.
    #[serde(flatten)]
    pub change: LabelChangeView,
    /// When, by the clock of the device that did it, RFC 3339.
    pub timestamp: String,
}

/// What happened to a label.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum LabelChangeView {
    /// The label itself was made, changed or deleted.
    Edit {
        /// `updated` or `deleted`.
        #[schema(example = "updated")]
        action: &'static str,
        /// Its name; of a deleted label only where it is still told.
        name: Option<String>,
        /// The place of its colour in WhatsApp's palette; of a deleted label only where it is still told.
        color: Option<i32>,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// It was put on a chat, or taken off it.
    #[serde(rename_all = "camelCase")]
    Chat {
        /// `add` or `remove`.
        #[schema(example = "add")]
        action: &'static str,
        /// The chat: the phone address when it is known, else the hidden one; a group's own.
        #[schema(example = "5511999990001@s.whatsapp.net")]
        chat_jid: String,
        /// The hidden address of the person, when it is known.
        #[schema(example = "123456789012345@lid")]
        chat_lid: Option<String>,
        /// Whether the label is on the chat now.
        labeled: bool,
    },
}

impl From<&LabelChange> for LabelUpdateView {
    fn from(change: &LabelChange) -> Self {
        Self {
            label_id: change.label.clone(),
            change: LabelChangeView::from(&change.action),
            timestamp: rfc3339(change.timestamp),
        }
    }
}

impl From<&LabelAction> for LabelChangeView {
    fn from(action: &LabelAction) -> Self {
        match action {
            LabelAction::Deleted { name, color } => {
                Self::Edit { action: "deleted", name: name.clone(), color: *color, deleted: true }
            }
            LabelAction::Chat { chat, labeled } => Self::Chat {
                action: if *labeled { "add" } else { "remove" },
                chat_jid: chat.jid.to_string(),
                chat_lid: chat.lid.as_ref().map(ToString::to_string),
                labeled: *labeled,
            },
            LabelAction::Edited { name, color } => Self::Edit {
                action: "updated",
                name: Some(name.clone()),
                color: Some(*color),
                deleted: false,
            },
            // Whatever else may happen to a label changes it.
            _ => Self::Edit { action: "updated", name: None, color: None, deleted: false },
        }
    }
}
