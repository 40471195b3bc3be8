use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::settings;

/// How it behaves.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsBlock {
    /// Reject every incoming call.
    auto_reject_calls: Option<bool>,
    /// What to write to a rejected caller.
    call_reject_message: Option<String>,
    /// Leave messages of groups out.
    ignore_group_messages: Option<bool>,
    /// Stay visible as online.
    keep_online_status: Option<bool>,
    /// Send read receipts for what arrives.
    auto_read_messages: Option<bool>,
    /// Do not take in the history the phone offers. On unless it is switched off.
    #[schema(default = true)]
    disable_history_sync: Option<bool>,
    /// Leave status broadcasts out.
    ignore_status: Option<bool>,
}

impl From<SettingsBlock> for settings::Settings {
    fn from(asked: SettingsBlock) -> Self {
        let fresh = Self::default();
        Self {
            auto_reject_calls: asked.auto_reject_calls.unwrap_or(fresh.auto_reject_calls),
            call_reject_message: asked.call_reject_message.unwrap_or(fresh.call_reject_message),
            ignore_group_messages: asked
                .ignore_group_messages
                .unwrap_or(fresh.ignore_group_messages),
            keep_online_status: asked.keep_online_status.unwrap_or(fresh.keep_online_status),
            auto_read_messages: asked.auto_read_messages.unwrap_or(fresh.auto_read_messages),
            disable_history_sync: asked.disable_history_sync.unwrap_or(fresh.disable_history_sync),
            ignore_status: asked.ignore_status.unwrap_or(fresh.ignore_status),
        }
    }
}
