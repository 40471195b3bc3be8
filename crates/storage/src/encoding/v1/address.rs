use serde::{Deserialize, Serialize};
use wharf_domain::{Error, address, message};

#[derive(Serialize, Deserialize)]
pub(super) struct Party {
    jid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl From<&address::Party> for Party {
    fn from(party: &address::Party) -> Self {
        Self {
            jid: party.jid.to_string(),
            lid: party.lid.as_ref().map(ToString::to_string),
            name: party.name.clone(),
        }
    }
}

impl TryFrom<Party> for address::Party {
    type Error = Error;

    fn try_from(party: Party) -> Result<Self, Error> {
        Ok(Self { jid: party.jid.parse()?, lid: optional(party.lid.as_deref())?, name: party.name })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Chat {
    party: Party,
    kind: ChatKind,
    is_community: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChatKind {
    Private,
    Group,
    Newsletter,
    Broadcast,
}

impl From<&message::Chat> for Chat {
    fn from(chat: &message::Chat) -> Self {
        let kind = match chat.kind {
            message::ChatKind::Private => ChatKind::Private,
            message::ChatKind::Group => ChatKind::Group,
            message::ChatKind::Newsletter => ChatKind::Newsletter,
            message::ChatKind::Broadcast => ChatKind::Broadcast,
        };
        Self { party: (&chat.party).into(), kind, is_community: chat.is_community }
    }
}

impl TryFrom<Chat> for message::Chat {
    type Error = Error;

    fn try_from(chat: Chat) -> Result<Self, Error> {
        let kind = match chat.kind {
            ChatKind::Private => message::ChatKind::Private,
            ChatKind::Group => message::ChatKind::Group,
            ChatKind::Newsletter => message::ChatKind::Newsletter,
            ChatKind::Broadcast => message::ChatKind::Broadcast,
        };
        Ok(Self { party: chat.party.try_into()?, kind, is_community: chat.is_community })
    }
}

/// Reads an address that may be absent.
pub(super) fn optional(raw: Option<&str>) -> Result<Option<address::Jid>, Error> {
    raw.map(address::Jid::parse).transpose()
}
