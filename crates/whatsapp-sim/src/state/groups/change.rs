//! What members do with a group, and what they may not.

mod rules;

use serde::Deserialize;

use super::MemberAddMode;
use crate::error::Error;

/// What somebody does with a group. People are named by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", deny_unknown_fields)]
pub enum GroupChange {
    /// Adds people. Where admins have to let people in, one who is none asks for it instead.
    Add {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Removes people.
    Remove {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Makes members admins.
    Promote {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Makes admins members as others are.
    Demote {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Gives it another name.
    Subject {
        /// The name.
        subject: String,
    },
    /// Says what it is about; nothing takes that away.
    Description {
        /// What it is about.
        #[serde(default)]
        text: Option<String>,
    },
    /// Whether only admins may write.
    Announcement {
        /// Whether that is so from now on.
        on: bool,
    },
    /// Whether only admins may change the subject and the description.
    Locked {
        /// Whether that is so from now on.
        on: bool,
    },
    /// Makes messages disappear.
    Ephemeral {
        /// After how many seconds; 0 is never.
        seconds: u32,
    },
    /// Whether admins have to let people in.
    Approval {
        /// Whether that is so from now on.
        on: bool,
    },
    /// Says who may add people.
    MemberAddMode {
        /// Who may.
        mode: MemberAddMode,
    },
    /// Makes a new invite link; the old one leads nowhere.
    ResetInvite,
    /// Lets people in who asked for it.
    Approve {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Does not let people in who asked for it.
    Reject {
        /// Their numbers.
        members: Vec<String>,
    },
    /// Does not want to be let in any more.
    Cancel,
    /// Leaves.
    Leave,
    /// Does away with the group.
    Delete,
    /// Something that changes nothing here, such as `suspended`: it is told and that is all.
    Other {
        /// WhatsApp's word for it.
        tag: String,
    },
}

/// What came of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Whom it did not concern after all, and WhatsApp's code for why.
    pub(crate) refused: Vec<(String, u16)>,
    /// What has happened, in order.
    pub(crate) effects: Vec<Effect>,
}

/// Something that members are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Added { who: Vec<String>, reason: Option<&'static str> },
    Removed(Vec<String>),
    Promoted(Vec<String>),
    Demoted(Vec<String>),
    Subject,
    Description { id: String },
    Announcement,
    Locked,
    Ephemeral,
    Approval,
    MemberAddMode,
    InviteReset,
    Requested { who: Vec<String>, method: &'static str },
    Withdrawn(Vec<String>),
    Deleted,
    Other(String),
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such group")]
    NoGroup,
    #[error("the phone's owner is not in the group")]
    NotAMember,
    #[error("only admins may do that")]
    NotAllowed,
    #[error("that is so already")]
    Already,
    #[error("somebody else has changed it meanwhile")]
    Overtaken,
    #[error("the invite link leads nowhere")]
    NoInvite,
    #[error("that cannot be")]
    Senseless,
}

impl Refusal {
    /// WhatsApp's code and word for it.
    pub(crate) fn code(self) -> (u16, &'static str) {
        match self {
            Self::NoGroup => (404, "item-not-found"),
            Self::NotAMember => (403, "forbidden"),
            Self::NotAllowed => (401, "not-authorized"),
            Self::Already | Self::Overtaken => (409, "conflict"),
            Self::NoInvite => (406, "not-acceptable"),
            Self::Senseless => (400, "bad-request"),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoGroup => Self::NotFound("group"),
            Refusal::NoInvite => Self::NotFound("invite link"),
            Refusal::Senseless => Self::Invalid(refusal.to_string()),
            _ => Self::Conflict(refusal.to_string()),
        }
    }
}
