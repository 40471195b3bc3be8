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

use wharf_domain::{Result, instance::InstanceName};

pub(super) use self::{
    chatwoot::ChatwootBlock, proxy::ProxyBlock, s3::S3Block, settings::SettingsBlock,
    webhook::WebhookBlock, websocket::WebSocketBlock,
};

/// What of a block is kept: all of it, or nothing when it is not right, which the log tells.
pub(super) fn kept<T>(
    instance: &InstanceName,
    block: &'static str,
    parsed: Option<Result<T>>,
) -> Option<T> {
    parsed.and_then(|parsed| {
        parsed
            .inspect_err(|e| {
                tracing::warn!(%instance, block, reason = %e, "left a block of a new instance out");
            })
            .ok()
    })
}
