//! People and chats.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{
    address::Party,
    message::{Chat, ChatKind},
};

/// Somebody: by phone number whenever that is known, with the hidden id beside it.
#[derive(Clone, Serialize, ToSchema)]
pub struct PartyView {
    /// The phone address when it is known, else the hidden one.
    #[schema(example = "5511999990001@s.whatsapp.net")]
    pub jid: String,
    /// The hidden address, when it is known.
    #[schema(example = "123456789012345@lid")]
    pub lid: Option<String>,
    /// The name they or we gave them.
    pub name: Option<String>,
}

impl From<&Party> for PartyView {
    fn from(party: &Party) -> Self {
        Self {
            jid: party.jid.to_string(),
            lid: party.lid.as_ref().map(ToString::to_string),
            name: party.name.clone(),
        }
    }
}

/// A chat.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    /// The phone address when it is known, else the hidden one; a group's own.
    #[schema(example = "5511999990001@s.whatsapp.net")]
    pub jid: String,
    /// The hidden address, when it is known.
    #[schema(example = "123456789012345@lid")]
    pub lid: Option<String>,
    /// The name of the person or the group.
    pub name: Option<String>,
    /// `private`, `group`, `newsletter` or `broadcast`.
    #[schema(example = "private")]
    pub r#type: String,
    /// The group's name; only of groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub group_name: Option<String>,
    /// Present, and true, only for the announcement chat of a community.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub is_community: bool,
}

impl From<&Chat> for ChatView {
    fn from(chat: &Chat) -> Self {
        let party = PartyView::from(&chat.party);
        Self {
            group_name: party.name.clone().filter(|_| chat.kind == ChatKind::Group),
            jid: party.jid,
            lid: party.lid,
            name: party.name,
            r#type: chat.kind.as_str().to_owned(),
            is_community: chat.is_community,
        }
    }
}
