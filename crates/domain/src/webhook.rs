//! Webhooks: where an instance's events are posted to.

use url::Url;
use uuid::Uuid;

use crate::{Error, Result, Timestamp, event::EventFilter, secret::Secret};

/// How many enabled webhooks an instance may have.
pub const MAX_ENABLED: usize = 3;

/// Identifies a webhook for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub Uuid);

/// The caller's name for a webhook, unique within its instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookLabel(String);

impl WebhookLabel {
    /// Accepts 1 to 100 characters without control characters; an absent or blank label is `default`.
    pub fn parse(raw: Option<&str>) -> Result<Self> {
        let label = raw.map(str::trim).filter(|label| !label.is_empty()).unwrap_or("default");
        if label.chars().count() > 100 || label.chars().any(char::is_control) {
            return Err(Error::invalid("label", "must have at most 100 plain characters"));
        }
        Ok(Self(label.to_owned()))
    }

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for WebhookLabel {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// Where events are posted to: an absolute http or https URL without credentials in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl {
    // Kept as it was written: callers compare what they read back, and a parsed URL is spelled anew.
    written: String,
    url: Url,
}

impl WebhookUrl {
    /// Accepts an absolute http or https URL of at most 2,048 bytes. Whether its address may be dialled is judged
    /// elsewhere, when it is dialled.
    pub fn parse(raw: &str) -> Result<Self> {
        let raw = raw.trim();
        if raw.chars().any(char::is_control) {
            return Err(Error::invalid("url", "must not contain control characters"));
        }
        if raw.len() > 2048 {
            return Err(Error::invalid("url", "must have at most 2048 bytes"));
        }
        let url = Url::parse(raw).map_err(|e| Error::invalid("url", e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid("url", "must begin with http:// or https://"));
        }
        if !url.has_host() {
            return Err(Error::invalid("url", "must name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("url", "must not contain credentials, use `authorization`"));
        }
        Ok(Self { written: raw.to_owned(), url })
    }

    /// The URL itself.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.url
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

/// A place events are posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Identifies it for life.
    pub id: WebhookId,
    /// The caller's name for it.
    pub label: WebhookLabel,
    /// Where to, and how. `None` is a disabled webhook: the row stays, its configuration is gone.
    pub target: Option<WebhookTarget>,
    /// Why the gateway itself disabled it, until it is written anew.
    pub stopped: Option<Stopped>,
}

/// Why and when the gateway disabled a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A signing secret that was replaced and still signs beside the new one, so that receivers can change at leisure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiringSecret {
    /// The secret.
    pub secret: Secret,
    /// Until when it signs.
    pub until: Timestamp,
}

/// Where an enabled webhook posts to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Where to.
    pub url: WebhookUrl,
    /// Sent as the `Authorization` header exactly as it is.
    pub authorization: Option<Secret>,
    /// Signs deliveries by the Standard Webhooks scheme; never given back.
    pub secret: Option<Secret>,
    /// The secret before that one. Set by the store alone.
    pub previous_secret: Option<RetiringSecret>,
    /// Whether the event's name is appended to the path.
    pub by_events: bool,
    /// Which events.
    pub events: EventFilter,
    /// Whether media comes along as base64.
    pub media_base64: bool,
}

/// Checks that a text can be sent as the value of an HTTP header.
pub fn parse_authorization(raw: &str) -> Result<Option<Secret>> {
    if raw.is_empty() {
        return Ok(None);
    }
    let sendable = raw.len() <= 4096 && raw.bytes().all(|b| (b' '..=b'~').contains(&b));
    sendable
        .then(|| Some(Secret::new(raw)))
        .ok_or(Error::invalid("authorization", "must be printable ASCII of at most 4096 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_credentials_is_needed() {
        assert!(WebhookUrl::parse("https://example.com/hook?x=1").is_ok());
        for refused in ["", "example.com", "ftp://example.com", "http://", "http://u:p@example.com"]
        {
            assert!(WebhookUrl::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_url_is_read_back_as_it_was_written() {
        let url = WebhookUrl::parse(" https://Example.com:443 ").unwrap();
        assert_eq!(url.as_str(), "https://Example.com:443");
        assert_eq!(url.as_url().as_str(), "https://example.com/");
    }

    #[test]
    fn a_blank_label_is_the_default_one() {
        assert_eq!(WebhookLabel::parse(None).unwrap(), WebhookLabel::default());
        assert_eq!(WebhookLabel::parse(Some(" ")).unwrap(), WebhookLabel::default());
        assert_eq!(WebhookLabel::parse(Some("crm")).unwrap().as_str(), "crm");
    }
}
