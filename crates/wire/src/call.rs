//! The `data` of `call.update`.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{
    address::Party,
    call::CallUpdate,
    message::{Chat, ChatKind},
};

use crate::{
    party::{ChatView, PartyView},
    rfc3339,
};

/// Something about a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallUpdateView {
    /// What happened: `offer`, `accepted`, `rejected`, `terminated`, `notification` or `latency`.
    #[schema(example = "offer")]
    pub r#type: String,
    /// The call's id, the same from its offer to its end.
    #[schema(example = "4C1B9A7E0D2F43A8B6C5D4E3F2A1B0C9")]
    pub call_id: String,
    /// Who called.
    pub from: PartyView,
    /// The chat it belongs to: the one with the caller, or the group's where the group is known.
    pub chat: Option<ChatView>,
    /// When, RFC 3339.
    pub timestamp: String,
    /// Whether it is a call of a group.
    pub is_group: bool,
    /// Whether it is a video call.
    pub is_video: bool,
    /// The group whose call it is.
    pub group_jid: Option<String>,
    /// Why it was declined or ended, where that is known: WhatsApp's word, or `missed` when nobody answered.
    #[schema(example = "missed")]
    pub reason: Option<String>,
    /// How long it lasted, in seconds, where WhatsApp says so.
    pub duration: Option<u32>,
}

impl From<&CallUpdate> for CallUpdateView {
    fn from(call: &CallUpdate) -> Self {
        Self {
            r#type: call.action.as_str().to_owned(),
            call_id: call.id.clone(),
            from: PartyView::from(&call.from),
            chat: chat(call).as_ref().map(ChatView::from),
            timestamp: rfc3339(call.timestamp),
            is_group: call.is_group,
            is_video: call.is_video,
            group_jid: call.group.as_ref().map(ToString::to_string),
            reason: call.reason.clone(),
            duration: call.duration,
        }
    }
}

fn chat(call: &CallUpdate) -> Option<Chat> {
    let of = |party, kind| Chat { party, kind, is_community: false };
    match &call.group {
        Some(group) => {
            Some(of(Party { jid: group.clone(), lid: None, name: None }, ChatKind::Group))
        }
        None if call.is_group => None,
        None => Some(of(call.from.clone(), ChatKind::Private)),
    }
}
