use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{
    Error, Result,
    event::EventFilter,
    webhook::{WebhookTarget, WebhookUrl, parse_authorization},
};
use wharf_wire::instance::EventName;

use crate::config::UrlCheck;

/// Its webhook labelled `default`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookBlock {
    /// Whether it has one.
    webhook_enabled: Option<bool>,
    /// Where events are posted to.
    #[serde(rename = "webhookURL")]
    webhook_url: Option<String>,
    /// The value of the `Authorization` header to send, exactly as it is.
    webhook_authorization: Option<String>,
    /// Whether the event's name is appended to the path.
    webhook_by_events: Option<bool>,
    /// Which events; empty or absent is all of them.
    #[schema(value_type = Option<Vec<EventName>>)]
    webhook_events: Option<Vec<String>>,
    /// Whether media comes along as base64.
    webhook_media_base64: Option<bool>,
}

impl WebhookBlock {
    /// Where to post to, when there shall be a webhook.
    pub(crate) fn parse(self, urls: &UrlCheck) -> Option<Result<WebhookTarget>> {
        self.webhook_enabled.unwrap_or(false).then(|| {
            let events = self.webhook_events.unwrap_or_default();
            let url = self.webhook_url.filter(|url| !url.trim().is_empty());
            let url = url.ok_or(Error::invalid("webhookURL", "is required"))?;
            let url = WebhookUrl::parse(&url)?;
            urls.check("webhookURL", url.as_str())?;
            Ok(WebhookTarget {
                url,
                authorization: parse_authorization(
                    self.webhook_authorization.as_deref().unwrap_or_default(),
                )?,
                secret: None,
                previous_secret: None,
                by_events: self.webhook_by_events.unwrap_or(false),
                events: EventFilter::parse(events.iter().map(String::as_str))?,
                media_base64: self.webhook_media_base64.unwrap_or(false),
            })
        })
    }
}
