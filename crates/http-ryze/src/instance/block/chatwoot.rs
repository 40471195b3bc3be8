use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Error, Result, webhook::WebhookUrl};

use crate::config::UrlCheck;

/// The longest token and inbox name accepted, in bytes.
const MAX_TEXT: usize = 255;

/// Its Chatwoot integration, which this version cannot set up.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the fields are read to check their types and to be documented")]
pub(crate) struct ChatwootBlock {
    /// Whether it shall have one.
    chatwoot_enabled: Option<bool>,
    /// Chatwoot's URL.
    chatwoot_base_url: Option<String>,
    /// The account in Chatwoot.
    chatwoot_account_id: Option<i64>,
    /// The token of an administrator of that account.
    chatwoot_api_token: Option<String>,
    /// The name of the inbox.
    chatwoot_inbox_name: Option<String>,
    /// Whether the agent's name goes before what they write.
    chatwoot_sign_messages: Option<bool>,
    /// Whether groups are left out.
    chatwoot_ignore_groups: Option<bool>,
    /// Whether conversations start as pending.
    chatwoot_start_as_pending: Option<bool>,
    /// Whether a resolved conversation is opened again by a new message.
    chatwoot_reopen_resolved: Option<bool>,
}

impl ChatwootBlock {
    /// Why there will be no integration although one is asked for.
    pub(crate) fn problem(&self, urls: &UrlCheck) -> Option<String> {
        self.chatwoot_enabled.unwrap_or(false).then(|| match self.check(urls) {
            Err(error) => super::in_words(&error),
            Ok(()) => "The Chatwoot integration is not available on this server".to_owned(),
        })
    }

    fn check(&self, urls: &UrlCheck) -> Result<()> {
        let url = self.chatwoot_base_url.as_deref().unwrap_or_default().trim();
        // What is asked of it is what is asked of a webhook's.
        let parsed = WebhookUrl::parse(url);
        let url = parsed.map_err(|_| {
            Error::invalid("chatwootBaseUrl", "must be an http or https URL without credentials")
        })?;
        urls.check("chatwootBaseUrl", url.as_str())?;
        if self.chatwoot_account_id.is_none_or(|id| id <= 0) {
            return Err(Error::invalid("chatwootAccountId", "must be greater than 0"));
        }
        let token = self.chatwoot_api_token.as_deref().unwrap_or_default().trim();
        if token.is_empty() || token.len() > MAX_TEXT {
            return Err(Error::invalid("chatwootApiToken", "must have 1 to 255 characters"));
        }
        if self.chatwoot_inbox_name.as_ref().is_some_and(|name| name.len() > MAX_TEXT) {
            return Err(Error::invalid("chatwootInboxName", "must have at most 255 characters"));
        }
        Ok(())
    }
}
