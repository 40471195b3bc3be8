//! Deliveries, as API answers show them.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::delivery::DeliveryRecord;

use crate::{instance::EventName, rfc3339};

/// An event on its way to one webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// The event, by the id it has on every channel.
    #[schema(example = "0199a3c2-7a44-7cc0-8d7c-3a5b2f0c9a11")]
    pub event_id: String,
    /// What kind of event it is.
    pub event: EventName,
    /// The webhook.
    #[schema(example = "default")]
    pub label: String,
    /// `pending` (on its way), `delivered`, `dead` (given up) or `held` (its webhook is disabled).
    #[schema(example = "pending")]
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, RFC 3339; only of what is pending.
    #[schema(example = "2026-04-28T10:30:00Z")]
    pub next_attempt_at: Option<String>,
    /// The receiver's HTTP status at the last attempt, when it answered.
    #[schema(example = 503)]
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl From<&DeliveryRecord> for DeliveryView {
    fn from(record: &DeliveryRecord) -> Self {
        Self {
            event_id: record.event.0.to_string(),
            event: record.kind.into(),
            label: record.label.as_str().to_owned(),
            state: record.state.as_str(),
            attempts: record.attempts,
            next_attempt_at: record.next_attempt_at.map(rfc3339),
            last_status: record.last_status,
            last_error: record.last_error.clone(),
        }
    }
}
