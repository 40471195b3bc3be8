use serde::Deserialize;
use utoipa::ToSchema;
use wharf_wire::instance::ChatwootView;

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
    /// What the answer says of it.
    pub(crate) fn view(&self, instance: Option<&str>) -> ChatwootView {
        if !self.chatwoot_enabled.unwrap_or(false) {
            return ChatwootView::default();
        }
        tracing::warn!(instance, "left the Chatwoot block of a new instance out");
        ChatwootView::failed("The Chatwoot integration is not available on this server")
    }
}
