//! The optional blocks of a new instance.

#![expect(
    clippy::struct_field_names,
    reason = "the fields are spelled as in the body, where all blocks lie side by side"
)]

mod chatwoot;
mod proxy;
mod s3;
mod settings;
mod webhook;
mod websocket;

use wharf_application::instances::check_reject_message;
use wharf_domain::{Error, Result, instance::InstanceName, proxy::ProxyConfig, settings::Settings};
use wharf_wire::instance::ChatwootView;

pub(super) use self::{
    chatwoot::ChatwootBlock,
    proxy::{ProxyBlock, ProxyProtocolName, check as check_proxy},
    s3::{S3Block, check as check_bucket},
    settings::SettingsBlock,
    webhook::WebhookBlock,
    websocket::WebSocketBlock,
};

/// Tells what of the blocks of this new instance is left out because it is not right.
pub(super) struct Log<'a>(pub(super) &'a InstanceName);

impl Log<'_> {
    /// What of a block is kept: all of it, or nothing when it is not right.
    pub(super) fn kept<T>(&self, block: &'static str, parsed: Option<Result<T>>) -> Option<T> {
        parsed.and_then(|parsed| {
            parsed.inspect_err(|error| self.left_out(block, &in_words(error))).ok()
        })
    }

    /// The proxy, or why the one that was asked for cannot be used.
    pub(super) fn proxy(
        &self,
        parsed: Option<Result<ProxyConfig>>,
    ) -> (Option<ProxyConfig>, Option<String>) {
        match parsed {
            None => (None, None),
            Some(Ok(proxy)) => (Some(proxy), None),
            Some(Err(error)) => {
                let problem = in_words(&error);
                self.left_out("proxy", &problem);
                (None, Some(problem))
            }
        }
    }

    /// The settings. A text that is too long is left out of them.
    pub(super) fn settings(&self, block: SettingsBlock) -> Settings {
        let mut settings = Settings::from(block);
        if let Err(error) = check_reject_message(&settings.call_reject_message) {
            self.left_out("settings", &in_words(&error));
            settings.call_reject_message.clear();
        }
        settings
    }

    /// What the answer says of the integration.
    pub(super) fn chatwoot(&self, problem: Option<String>) -> ChatwootView {
        problem.map_or_else(ChatwootView::default, |problem| {
            self.left_out("chatwoot", &problem);
            ChatwootView::failed(&problem)
        })
    }

    fn left_out(&self, block: &'static str, reason: &str) {
        tracing::warn!(instance = %self.0, block, reason, "left a block of a new instance out");
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Invalid { field: "events", reason } => reason.to_string(),
        Error::Invalid { field, reason } => format!("{field} {reason}"),
        error => error.to_string(),
    }
}
