//! Webhooks, as API answers show them.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::webhook::Webhook;

use crate::{
    instance::{EventName, event_names},
    rfc3339,
};

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
    /// Until when the secret before this one signs too, RFC 3339; only after it was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-04-28T10:30:00Z")]
    pub previous_secret_until: Option<String>,
    /// Why the gateway disabled it; only where it did, and until it is set anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "the receiver answered 410 Gone")]
    pub disabled_reason: Option<String>,
    /// When the gateway disabled it, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-04-28T10:30:00Z")]
    pub disabled_at: Option<String>,
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
            previous_secret_until: target
                .and_then(|target| target.previous_secret.as_ref())
                .map(|previous| rfc3339(previous.until)),
            disabled_reason: webhook.stopped.as_ref().map(|stopped| stopped.reason.clone()),
            disabled_at: webhook.stopped.as_ref().map(|stopped| rfc3339(stopped.at)),
        }
    }
}
