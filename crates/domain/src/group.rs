//! Changes of groups, as they are told to an instance's sinks.

use crate::{Timestamp, address::Party};

/// What changed in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupAction {
    /// The group was made.
    Created,
    /// The group is no more.
    Deleted,
    /// People joined or were added.
    Joined,
    /// People left or were removed.
    Left,
    /// People became admins.
    Promoted,
    /// People are admins no more.
    Demoted,
    /// People changed their numbers.
    NumberChanged,
    /// The name changed.
    Name(String),
    /// The description changed; `None` took it away.
    Topic(Option<String>),
    /// Whether only admins may write.
    Announce(bool),
    /// Whether only admins may change the group's name, picture and description.
    Locked(bool),
    /// The invite link was renewed or taken away.
    Link,
    /// After how many seconds messages disappear; 0 is never.
    Ephemeral(u32),
    /// Whether admins have to let people in.
    Approval(bool),
    /// Who may add people: WhatsApp's own word.
    MemberAddMode(String),
    /// People ask to be let in.
    JoinRequested,
    /// People no longer ask to be let in, or were refused.
    JoinRequestRevoked,
    /// Something this version gives no details of, by the name WhatsApp's protocol has for it.
    Other(String),
}

impl GroupAction {
    /// The contract's spelling, and in its style where the contract is silent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "create",
            Self::Deleted => "delete",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Promoted => "promoted",
            Self::Demoted => "demoted",
            Self::NumberChanged => "number_changed",
            Self::Name(_) => "name",
            Self::Topic(_) => "topic",
            Self::Announce(_) => "announce",
            Self::Locked(_) => "locked",
            Self::Link => "link",
            Self::Ephemeral(_) => "ephemeral",
            Self::Approval(_) => "approval",
            Self::MemberAddMode(_) => "member_add_mode",
            Self::JoinRequested => "join_requested",
            Self::JoinRequestRevoked => "join_request_revoked",
            Self::Other(name) => name,
        }
    }
}

/// A change of a group (`group.flow`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// What changed.
    pub action: GroupAction,
    /// The group; its name where it is known.
    pub group: Party,
    /// Who did it, where WhatsApp says so.
    pub author: Option<Party>,
    /// Whom it concerns.
    pub participants: Vec<Party>,
    /// WhatsApp's word on how it came about, such as `invite`.
    pub reason: Option<String>,
    /// When, by WhatsApp's clock.
    pub timestamp: Timestamp,
}
