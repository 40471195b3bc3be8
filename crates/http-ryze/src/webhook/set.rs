use actix_web::{
    Responder, post,
    web::{Data, Json},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wharf_domain::{
    Error, Result as DomainResult,
    event::EventFilter,
    secret::Secret,
    webhook::{WebhookLabel, WebhookTarget, WebhookUrl, parse_authorization},
};
use wharf_wire::{instance::EventName, webhook::WebhookView};

use crate::{
    access::OpenInstance,
    body::Sent,
    config::UrlCheck,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// The whole configuration of one webhook.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetWebhookBody {
    /// Its name within the instance; `default` when absent.
    #[schema(example = "default")]
    label: Option<String>,
    /// Whether events are posted to it. Switched off, it loses the rest of its configuration.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Where events are posted to: an http or https URL. Needed unless it is switched off.
    #[schema(example = "https://example.com/hook")]
    url: Option<String>,
    /// The value of the `Authorization` header to send, exactly as it is.
    authorization: Option<String>,
    /// Signs deliveries by the Standard Webhooks scheme: `whsec_` and base64, or any text. Never given back. Left out, the
    /// one that is there stays; null or empty takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: NewSecret,
    /// Whether the event's name is appended to the path.
    by_events: Option<bool>,
    /// Which events; empty or absent is all of them.
    #[schema(value_type = Option<Vec<EventName>>)]
    events: Option<Vec<String>>,
    /// Whether media comes along as base64.
    media_base64: Option<bool>,
}

/// What becomes of the signing secret.
#[derive(Default)]
enum NewSecret {
    /// The field is not there: it stays.
    #[default]
    Kept,
    /// The field is there, and may be null.
    Given(Option<String>),
}

impl<'de> Deserialize<'de> for NewSecret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::Given)
    }
}

/// What a webhook shall be like.
struct Wanted {
    label: WebhookLabel,
    target: Option<WebhookTarget>,
    keep_secret: bool,
}

impl SetWebhookBody {
    fn parse(self, urls: &UrlCheck) -> Result<Wanted, ApiError> {
        let label = WebhookLabel::parse(self.label.as_deref()).during(Operation::SetWebhook)?;
        let keep_secret = matches!(self.secret, NewSecret::Kept);
        let target = if self.enabled.unwrap_or(true) { Some(self.target(urls)?) } else { None };
        Ok(Wanted { label, target, keep_secret })
    }

    fn target(self, urls: &UrlCheck) -> Result<WebhookTarget, ApiError> {
        let url = self.url.filter(|url| !url.trim().is_empty());
        let url = url.ok_or(ApiError::MissingField("url"))?;
        let authorization = self.authorization.unwrap_or_default();
        let events = self.events.unwrap_or_default();
        let parsed = || {
            let url = WebhookUrl::parse(&url)?;
            urls.check("url", url.as_str())?;
            Ok(WebhookTarget {
                url,
                authorization: parse_authorization(&authorization)?,
                secret: parse_secret(self.secret)?,
                previous_secret: None,
                by_events: self.by_events.unwrap_or(false),
                events: EventFilter::parse(events.iter().map(String::as_str))?,
                media_base64: self.media_base64.unwrap_or(false),
            })
        };
        parsed().during(Operation::SetWebhook)
    }
}

fn parse_secret(new: NewSecret) -> DomainResult<Option<Secret>> {
    let NewSecret::Given(Some(raw)) = new else { return Ok(None) };
    if raw.is_empty() {
        return Ok(None);
    }
    let secret = Secret::new(raw);
    let text = secret.expose();
    if text.len() > 512 {
        return Err(Error::invalid("secret", "must have at most 512 bytes"));
    }
    let is_key = |encoded: &str| BASE64_STANDARD.decode(encoded).is_ok_and(|key| !key.is_empty());
    if text.strip_prefix("whsec_").is_some_and(|encoded| !is_key(encoded)) {
        return Err(Error::invalid("secret", "must be base64 after `whsec_`"));
    }
    Ok(Some(secret))
}

/// The webhook as it now is.
#[derive(Serialize, ToSchema)]
struct WebhookSetAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Webhook configuration updated")]
    message: &'static str,
    webhook: WebhookView,
}

/// Set a webhook
///
/// Writes the webhook of a label, in place of the one that was there; what is not sent is not kept, but for `secret`. An
/// instance may have three enabled ones.
#[utoipa::path(
    tag = "Events",
    operation_id = "setWebhook",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = SetWebhookBody,
    responses(
        (status = OK, description = "Set", body = WebhookSetAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        (status = CONFLICT, description = "Three webhooks are enabled already", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/events/webhook/{instance:[^/]*}")]
pub(super) async fn set(
    caller: OpenInstance,
    urls: Data<UrlCheck>,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let Wanted { label, target, keep_secret } = body.json::<SetWebhookBody>()?.parse(&urls)?;
    let webhooks = &caller.services.webhooks;
    let set = webhooks.set(caller.instance.id, label, target, keep_secret).await;
    let webhook = WebhookView::from(&set.during(Operation::SetWebhook)?);
    Ok(Json(WebhookSetAnswer { success: true, message: "Webhook configuration updated", webhook }))
}
