//! Labels that business accounts put on chats, as they are told to an instance's sinks.

use crate::{Timestamp, address::Party};

/// Something about labels (`label.update`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// WhatsApp's id of the label.
    pub label: String,
    /// What happened to it.
    pub action: LabelAction,
    /// When, by the clock of the device that did it.
    pub timestamp: Timestamp,
}

/// What happened to a label.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelAction {
    /// It was made or changed.
    Edited {
        /// Its name.
        name: String,
        /// The place of its colour in WhatsApp's palette.
        color: i32,
    },
    /// It was deleted.
    Deleted {
        /// Its name, where it is still told.
        name: Option<String>,
        /// Its colour, where it is still told.
        color: Option<i32>,
    },
    /// It was put on a chat, or taken off it.
    Chat {
        /// The chat.
        chat: Party,
        /// Whether it is on the chat now.
        labeled: bool,
    },
}
