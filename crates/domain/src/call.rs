//! Calls, as they are told to an instance's sinks.

use crate::{
    Timestamp,
    address::{Jid, Party},
};

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallAction {
    /// Somebody calls.
    Offer,
    /// It was answered, by the other side or on another device of ours.
    Accepted,
    /// It was declined.
    Rejected,
    /// It is over. A call that nobody answered ends with the reason `missed`.
    Terminated,
    /// A group's call that the account may join.
    Notification,
    /// The other side measured the way to WhatsApp's relays.
    Latency,
}

impl CallAction {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Terminated => "terminated",
            Self::Notification => "notification",
            Self::Latency => "latency",
        }
    }
}

/// Something about a call (`call.update`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUpdate {
    /// What happened.
    pub action: CallAction,
    /// The call's id.
    pub id: String,
    /// Who called.
    pub from: Party,
    /// The group whose call it is.
    pub group: Option<Jid>,
    /// Whether it is a call of a group.
    pub is_group: bool,
    /// Whether it is a video call; known of offers, and remembered for what follows them.
    pub is_video: bool,
    /// Why it was declined or ended, in WhatsApp's word or as `missed`.
    pub reason: Option<String>,
    /// How long it lasted, in seconds, where WhatsApp says so.
    pub duration: Option<u32>,
    /// When, by WhatsApp's clock.
    pub timestamp: Timestamp,
}
