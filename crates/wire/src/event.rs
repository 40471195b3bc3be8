//! The `data` of `message.status` and `instance.state`.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{Timestamp, event::Receipt, instance::InstanceName, state::StateChange};

use crate::{
    party::{ChatView, PartyView},
    rfc3339,
};

/// A receipt for one or more messages.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageStatusView {
    /// What it says: `delivered`, `read`, `played`, `sender`, `read_self`, `played_self`, `retry`, `inactive` or
    /// `server_error`.
    pub status: String,
    /// Which messages it speaks of.
    pub message_ids: Vec<String>,
    /// Where they are.
    pub chat: ChatView,
    /// Who gave it.
    pub recipient: PartyView,
    /// When, RFC 3339.
    pub timestamp: String,
    /// Who wrote the messages; only where the receipt says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message_sender: Option<String>,
}

impl From<&Receipt> for MessageStatusView {
    fn from(receipt: &Receipt) -> Self {
        Self {
            status: receipt.kind.as_str().to_owned(),
            message_ids: receipt.message_ids.iter().map(ToString::to_string).collect(),
            chat: ChatView::from(&receipt.chat),
            recipient: PartyView::from(&receipt.from),
            timestamp: rfc3339(receipt.timestamp),
            message_sender: receipt.author.as_ref().map(ToString::to_string),
        }
    }
}

/// A change of an instance's link with WhatsApp. Fields that say nothing of the state at hand are left out.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStateView {
    /// The state, in the spelling of events: `connected`, `logged_out`, `qr_ready`, …
    pub state: String,
    /// When, RFC 3339.
    pub timestamp: String,
    /// The instance's name.
    pub instance: String,
    /// The address it is linked to (`connected`, `pair_success`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jid: Option<String>,
    /// The hidden address (`connected`, `pair_success`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// The codes that can be scanned now, the current one first (`qr_ready`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
    /// What the phone says it is (`pair_success`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The verified business name (`pair_success`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// WhatsApp's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// When a ban ends, RFC 3339 (`temp_banned`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

impl InstanceStateView {
    pub(crate) fn new(change: &StateChange, instance: &InstanceName, at: Timestamp) -> Self {
        let mut view = Self {
            state: change.as_str().to_owned(),
            timestamp: rfc3339(at),
            instance: instance.as_str().to_owned(),
            ..Self::default()
        };
        match change {
            StateChange::Connected { jid, lid } => {
                view.jid = Some(jid.to_string());
                view.lid = lid.as_ref().map(ToString::to_string);
            }
            StateChange::PairSuccess { jid, lid, platform, business_name } => {
                view.jid = Some(jid.to_string());
                view.lid = lid.as_ref().map(ToString::to_string);
                view.platform = Some(platform.clone());
                view.business_name.clone_from(business_name);
            }
            StateChange::QrReady { codes } => {
                view.codes = Some(codes.iter().map(|code| code.as_str().to_owned()).collect());
            }
            StateChange::Disconnected { reason }
            | StateChange::LoggedOut { reason }
            | StateChange::PairError { reason } => view.reason = Some(reason.clone()),
            StateChange::ConnectFailure { code, reason } => {
                view.code = Some(*code);
                view.reason = Some(reason.clone());
            }
            StateChange::TempBanned { code, until } => {
                view.code = Some(*code);
                view.expires_at = Some(rfc3339(*until));
            }
            StateChange::CatRefreshError { code } => view.code = Some(*code),
            StateChange::StreamError { code } => match code.parse() {
                Ok(code) => view.code = Some(code),
                Err(_) => view.reason = Some(code.clone()),
            },
            StateChange::StreamReplaced
            | StateChange::ClientOutdated
            | StateChange::QrScannedWithoutMultidevice
            | StateChange::KeepaliveTimeout
            | StateChange::KeepaliveRestored
            | StateChange::ManualReconnect => {}
        }
        view
    }
}
