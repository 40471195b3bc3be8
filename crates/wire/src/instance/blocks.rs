//! The parts of an instance's configuration.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{
    proxy::ProxyConfig, s3::S3Config, settings::Settings, webhook::Webhook,
    websocket::WebSocketConfig,
};

use super::{EventName, event_names};

/// The proxy of an instance, as far as it may be read.
#[derive(Default, Serialize, ToSchema)]
pub struct WayOutView {
    /// Whether it has its own proxy.
    pub enabled: bool,
    /// Host name or address.
    pub host: Option<String>,
    /// The port, as text.
    #[schema(example = "1080")]
    pub port: Option<String>,
    /// `http`, `https` or `socks5`.
    pub protocol: Option<String>,
    /// Whom to log in as.
    pub username: Option<String>,
}

impl WayOutView {
    /// Shows the proxy of an instance, or that it has none.
    #[must_use]
    pub fn new(proxy: Option<&ProxyConfig>) -> Self {
        proxy.map_or_else(Self::default, |proxy| Self {
            enabled: true,
            host: Some(proxy.host.clone()),
            port: Some(proxy.port.to_string()),
            protocol: Some(proxy.protocol.as_str().to_owned()),
            username: proxy.username.clone(),
        })
    }
}

/// The proxy of an instance, with the place where its password would stand.
#[derive(Serialize, ToSchema)]
pub struct ProxyView {
    /// What may be read of it.
    #[serde(flatten)]
    pub way_out: WayOutView,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub password: (),
}

impl ProxyView {
    pub(super) fn new(proxy: Option<&ProxyConfig>) -> Self {
        Self { way_out: WayOutView::new(proxy), password: () }
    }
}

/// The webhook labelled `default`, in short.
#[derive(Default, Serialize, ToSchema)]
pub struct WebhookSummary {
    /// Whether there is one and it is enabled.
    pub enabled: bool,
    /// Where events are posted to.
    pub url: Option<String>,
    /// Which events; empty is all of them.
    pub events: Vec<EventName>,
}

impl WebhookSummary {
    pub(super) fn new(webhook: Option<&Webhook>) -> Self {
        webhook.and_then(|webhook| webhook.target.as_ref()).map_or_else(Self::default, |target| {
            Self {
                enabled: true,
                url: Some(target.url.as_str().to_owned()),
                events: event_names(&target.events),
            }
        })
    }
}

/// The WebSocket channel of an instance.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebSocketView {
    /// Whether clients may attach.
    pub enabled: bool,
    /// Which events they get; empty is all of them.
    pub events: Vec<EventName>,
    /// Whether media comes along as base64.
    pub media_base64: bool,
}

impl WebSocketView {
    /// Shows the channel of an instance; one that is switched off, or never was set up, is empty.
    #[must_use]
    pub fn new(websocket: Option<&WebSocketConfig>) -> Self {
        websocket.filter(|websocket| websocket.enabled).map_or_else(Self::default, |websocket| {
            Self {
                enabled: true,
                events: event_names(&websocket.events),
                media_base64: websocket.media_base64,
            }
        })
    }
}

/// The Chatwoot integration of an instance, in short.
#[derive(Default, Serialize, ToSchema)]
pub struct ChatwootView {
    /// Whether it is active.
    pub enabled: bool,
    /// `error` when it was asked for and could not be set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<String>,
    /// Why it could not be set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

impl ChatwootView {
    /// An integration that was asked for and could not be set up.
    #[must_use]
    pub fn failed(reason: &str) -> Self {
        Self { enabled: false, status: Some("error".to_owned()), error: Some(reason.to_owned()) }
    }
}

/// How an instance behaves.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract has seven independent switches")]
pub struct SettingsView {
    /// Reject every incoming call.
    pub auto_reject_calls: bool,
    /// What to write to a rejected caller; nothing when empty.
    pub call_reject_message: String,
    /// Leave messages of groups out.
    pub ignore_group_messages: bool,
    /// Stay visible as online.
    pub keep_online_status: bool,
    /// Send read receipts for what arrives.
    pub auto_read_messages: bool,
    /// Do not take in the history the phone offers.
    pub disable_history_sync: bool,
    /// Leave status broadcasts out.
    pub ignore_status: bool,
}

impl SettingsView {
    /// Shows settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            auto_reject_calls: settings.auto_reject_calls,
            call_reject_message: settings.call_reject_message.clone(),
            ignore_group_messages: settings.ignore_group_messages,
            keep_online_status: settings.keep_online_status,
            auto_read_messages: settings.auto_read_messages,
            disable_history_sync: settings.disable_history_sync,
            ignore_status: settings.ignore_status,
        }
    }
}

/// Where the media of an instance goes, as far as it may be read.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketView {
    /// Whether it has its own bucket.
    pub enabled: bool,
    /// The region.
    pub region: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The id of the access key.
    pub access_key: Option<String>,
    /// The server's URL; empty is AWS.
    pub endpoint: Option<String>,
    /// What every key begins with.
    pub path_prefix: Option<String>,
}

impl BucketView {
    /// Shows the bucket of an instance, or that it has none.
    #[must_use]
    pub fn new(s3: Option<&S3Config>) -> Self {
        s3.map_or_else(Self::default, |s3| Self {
            enabled: true,
            region: Some(s3.region.clone()),
            bucket: Some(s3.bucket.clone()),
            access_key: Some(s3.access_key.clone()),
            endpoint: Some(s3.endpoint.clone().unwrap_or_default()),
            path_prefix: Some(s3.path_prefix.clone()),
        })
    }
}

/// Where the media of an instance goes, with the place where the secret key would stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3View {
    /// What may be read of it.
    #[serde(flatten)]
    pub bucket: BucketView,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub secret_key: (),
}

impl S3View {
    /// Shows the bucket of an instance, or that it has none.
    #[must_use]
    pub fn new(s3: Option<&S3Config>) -> Self {
        Self { bucket: BucketView::new(s3), secret_key: () }
    }
}
