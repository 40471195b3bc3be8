use serde::{Deserialize, Serialize};
use wharf_domain::{Error, call as domain};

use super::{
    address::{Party, optional},
    time,
};

#[derive(Serialize, Deserialize)]
pub(in crate::encoding) struct CallUpdate {
    action: CallAction,
    id: String,
    from: Party,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    is_group: bool,
    is_video: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<u32>,
    timestamp: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallAction {
    Offer,
    Accepted,
    Rejected,
    Terminated,
    Notification,
    Latency,
}

impl From<&domain::CallUpdate> for CallUpdate {
    fn from(update: &domain::CallUpdate) -> Self {
        use domain::CallAction as D;
        Self {
            action: match update.action {
                D::Offer => CallAction::Offer,
                D::Accepted => CallAction::Accepted,
                D::Rejected => CallAction::Rejected,
                D::Terminated => CallAction::Terminated,
                D::Notification => CallAction::Notification,
                D::Latency => CallAction::Latency,
            },
            id: update.id.clone(),
            from: (&update.from).into(),
            group: update.group.as_ref().map(ToString::to_string),
            is_group: update.is_group,
            is_video: update.is_video,
            reason: update.reason.clone(),
            duration: update.duration,
            timestamp: update.timestamp.timestamp_micros(),
        }
    }
}

impl TryFrom<CallUpdate> for domain::CallUpdate {
    type Error = Error;

    fn try_from(update: CallUpdate) -> Result<Self, Error> {
        use domain::CallAction as D;
        Ok(Self {
            action: match update.action {
                CallAction::Offer => D::Offer,
                CallAction::Accepted => D::Accepted,
                CallAction::Rejected => D::Rejected,
                CallAction::Terminated => D::Terminated,
                CallAction::Notification => D::Notification,
                CallAction::Latency => D::Latency,
            },
            id: update.id,
            from: update.from.try_into()?,
            group: optional(update.group.as_deref())?,
            is_group: update.is_group,
            is_video: update.is_video,
            reason: update.reason,
            duration: update.duration,
            timestamp: time(update.timestamp)?,
        })
    }
}
