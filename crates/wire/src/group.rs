//! The `data` of `group.flow`.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::group::{GroupAction, GroupChange};

use crate::{party::PartyView, rfc3339};

/// A change of a group. Of the keys that hold a new value, the one that `type` names is there and no other.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupFlowView {
    /// What changed. People: `joined`, `left`, `promoted`, `demoted`, `number_changed`, `join_requested`,
    /// `join_request_revoked`. The group: `create`, `delete`, `name`, `topic`, `announce`, `locked`, `link`, `ephemeral`,
    /// `approval`, `member_add_mode`. Anything else has the name WhatsApp's protocol gives it.
    #[schema(example = "joined")]
    pub r#type: String,
    /// The group.
    #[schema(example = "120363000000000001@g.us")]
    pub group_jid: String,
    /// Its name, where it is known.
    pub group_name: Option<String>,
    /// When, RFC 3339.
    pub timestamp: String,
    /// Who did it, where WhatsApp says so.
    pub author: Option<PartyView>,
    /// Whom it concerns; empty where it is about the group as such.
    pub participants: Vec<PartyView>,
    /// WhatsApp's word on how it came about, such as `invite`; only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// The new name (`name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The new description (`topic`); null when it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub topic: Option<Option<String>>,
    /// Whether only admins may write (`announce`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub announce: Option<bool>,
    /// Whether only admins may change name, picture and description (`locked`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub locked: Option<bool>,
    /// After how many seconds messages disappear, 0 is never (`ephemeral`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ephemeral: Option<u32>,
    /// Whether admins have to let people in (`approval`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<bool>,
    /// Who may add people, in WhatsApp's word (`member_add_mode`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "admin_add")]
    pub member_add_mode: Option<String>,
}

impl From<&GroupChange> for GroupFlowView {
    fn from(change: &GroupChange) -> Self {
        let mut view = Self {
            r#type: change.action.as_str().to_owned(),
            group_jid: change.group.jid.to_string(),
            group_name: change.group.name.clone(),
            timestamp: rfc3339(change.timestamp),
            author: change.author.as_ref().map(PartyView::from),
            participants: change.participants.iter().map(PartyView::from).collect(),
            reason: change.reason.clone(),
            ..Self::default()
        };
        match &change.action {
            GroupAction::Name(name) => {
                view.group_name = Some(name.clone());
                view.name = Some(name.clone());
            }
            GroupAction::Topic(topic) => view.topic = Some(topic.clone()),
            GroupAction::Announce(announce) => view.announce = Some(*announce),
            GroupAction::Locked(locked) => view.locked = Some(*locked),
            GroupAction::Ephemeral(seconds) => view.ephemeral = Some(*seconds),
            GroupAction::Approval(approval) => view.approval = Some(*approval),
            GroupAction::MemberAddMode(mode) => view.member_add_mode = Some(mode.clone()),
            // The others say all there is by their type, and by whom they concern.
            _ => {}
        }
        view
    }
}
