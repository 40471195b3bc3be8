//! The optional blocks of a new instance.

mod chatwoot;
mod proxy;
mod s3;
mod settings;
mod webhook;
mod websocket;

use wharf_domain::{Result, instance::InstanceName};

pub(super) use self::{
    chatwoot::Chatwoot, proxy::Proxy, s3::S3, settings::Settings, webhook::Webhook,
    websocket::WebSocket,
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
