use serde::{Deserialize, Serialize};
use wharf_domain::{Error, label as domain};

use super::{address::Party, time};
use crate::error;

#[derive(Serialize, Deserialize)]
pub(in crate::encoding) struct LabelChange {
    label: String,
    action: LabelAction,
    timestamp: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LabelAction {
    Edited { name: String, color: i32 },
    Deleted { name: Option<String>, color: Option<i32> },
    Chat { chat: Party, labeled: bool },
}

impl TryFrom<&domain::LabelChange> for LabelChange {
    type Error = error::Error;

    fn try_from(change: &domain::LabelChange) -> error::Result<Self> {
        use domain::LabelAction as D;
        let action = match change.action.clone() {
            D::Edited { name, color } => LabelAction::Edited { name, color },
            D::Deleted { name, color } => LabelAction::Deleted { name, color },
            D::Chat { chat, labeled } => LabelAction::Chat { chat: (&chat).into(), labeled },
            _ => return Err(error::Error::UnknownEncoding("label action")),
        };
        let timestamp = change.timestamp.timestamp_micros();
        Ok(Self { label: change.label.clone(), action, timestamp })
    }
}

impl TryFrom<LabelChange> for domain::LabelChange {
    type Error = Error;

    fn try_from(change: LabelChange) -> Result<Self, Error> {
        use domain::LabelAction as D;
        let action = match change.action {
            LabelAction::Edited { name, color } => D::Edited { name, color },
            LabelAction::Deleted { name, color } => D::Deleted { name, color },
            LabelAction::Chat { chat, labeled } => D::Chat { chat: chat.try_into()?, labeled },
        };
        Ok(Self { label: change.label, action, timestamp: time(change.timestamp)? })
    }
}
