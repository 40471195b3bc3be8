use serde::{Deserialize, Serialize};
use wharf_domain::{Error, group as domain};

use super::{address::Party, time};
use crate::error;

#[derive(Serialize, Deserialize)]
pub(in crate::encoding) struct GroupChange {
    action: GroupAction,
    group: Party,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<Party>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    participants: Vec<Party>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    timestamp: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupAction {
    Created,
    Deleted,
    Joined,
    Left,
    Promoted,
    Demoted,
    NumberChanged,
    Name(String),
    Topic(Option<String>),
    Announce(bool),
    Locked(bool),
    Link,
    Ephemeral(u32),
    Approval(bool),
    MemberAddMode(String),
    JoinRequested,
    JoinRequestRevoked,
    Other(String),
}

impl TryFrom<&domain::GroupChange> for GroupChange {
    type Error = error::Error;

    fn try_from(change: &domain::GroupChange) -> error::Result<Self> {
        use domain::GroupAction as D;
        let action = match change.action.clone() {
            D::Created => GroupAction::Created,
            D::Deleted => GroupAction::Deleted,
            D::Joined => GroupAction::Joined,
            D::Left => GroupAction::Left,
            D::Promoted => GroupAction::Promoted,
            D::Demoted => GroupAction::Demoted,
            D::NumberChanged => GroupAction::NumberChanged,
            D::Name(name) => GroupAction::Name(name),
            D::Topic(topic) => GroupAction::Topic(topic),
            D::Announce(is_on) => GroupAction::Announce(is_on),
            D::Locked(is_on) => GroupAction::Locked(is_on),
            D::Link => GroupAction::Link,
            D::Ephemeral(seconds) => GroupAction::Ephemeral(seconds),
            D::Approval(is_on) => GroupAction::Approval(is_on),
            D::MemberAddMode(mode) => GroupAction::MemberAddMode(mode),
            D::JoinRequested => GroupAction::JoinRequested,
            D::JoinRequestRevoked => GroupAction::JoinRequestRevoked,
            D::Other(name) => GroupAction::Other(name),
            _ => return Err(error::Error::UnknownEncoding("group action")),
        };
        Ok(Self {
            action,
            group: (&change.group).into(),
            author: change.author.as_ref().map(Into::into),
            participants: change.participants.iter().map(Into::into).collect(),
            reason: change.reason.clone(),
            timestamp: change.timestamp.timestamp_micros(),
        })
    }
}

impl TryFrom<GroupChange> for domain::GroupChange {
    type Error = Error;

    fn try_from(change: GroupChange) -> Result<Self, Error> {
        use domain::GroupAction as D;
        let action = match change.action {
            GroupAction::Created => D::Created,
            GroupAction::Deleted => D::Deleted,
            GroupAction::Joined => D::Joined,
            GroupAction::Left => D::Left,
            GroupAction::Promoted => D::Promoted,
            GroupAction::Demoted => D::Demoted,
            GroupAction::NumberChanged => D::NumberChanged,
            GroupAction::Name(name) => D::Name(name),
            GroupAction::Topic(topic) => D::Topic(topic),
            GroupAction::Announce(is_on) => D::Announce(is_on),
            GroupAction::Locked(is_on) => D::Locked(is_on),
            GroupAction::Link => D::Link,
            GroupAction::Ephemeral(seconds) => D::Ephemeral(seconds),
            GroupAction::Approval(is_on) => D::Approval(is_on),
            GroupAction::MemberAddMode(mode) => D::MemberAddMode(mode),
            GroupAction::JoinRequested => D::JoinRequested,
            GroupAction::JoinRequestRevoked => D::JoinRequestRevoked,
            GroupAction::Other(name) => D::Other(name),
        };
        Ok(Self {
            action,
            group: change.group.try_into()?,
            author: change.author.map(TryInto::try_into).transpose()?,
            participants: change
                .participants
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            reason: change.reason,
            timestamp: time(change.timestamp)?,
        })
    }
}
