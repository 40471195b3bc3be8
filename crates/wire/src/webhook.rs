//! Webhooks, as API answers show them.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::webhook::Webhook;

use crate::instance::{EventName, event_names};

/// A webhook with all that may be read of it. The signing secret is never shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, three of them the contract's"
)]
pub struct WebhookView {
    /// Its name within the instance.
    #[schema(example = "default")]
    pub label: String,
    /// Whether events are posted to it.
    pub enabled: bool,
    /// Where events are posted to.
    #[schema(example = "https://example.com/hook")]
    pub url: Option<String>,
    /// The value of the `Authorization` header it gets, in clear.
    pub authorization: Option<String>,
    /// Whether the event's name is appended to the path.
    pub by_events: bool,
    /// Which events; empty is all of them.
    pub events: Vec<EventName>,
    /// Whether media comes along as base64.
    pub media_base64: bool,
    /// Whether deliveries are signed with a secret.
    pub signed: bool,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        let target = webhook.target.as_ref();
        Self {
            label: webhook.label.as_str().to_owned(),
            enabled: target.is_some(),
            url: target.map(|target| target.url.as_str().to_owned()),
            authorization: target
                .and_then(|target| target.authorization.as_ref())
                .map(|value| value.expose().to_owned()),
            by_events: target.is_some_and(|target| target.by_events),
            events: target.map(|target| event_names(&target.events)).unwrap_or_default(),
            media_base64: target.is_some_and(|target| target.media_base64),
            signed: target.is_some_and(|target| target.secret.is_some()),
        }
    }
}
