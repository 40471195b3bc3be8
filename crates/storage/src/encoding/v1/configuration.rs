//! The parts of an instance's configuration that are kept as JSON. Their secrets have columns of their own.
//!
//! Fields may be added with a default; none is renamed or removed.

use serde::{Deserialize, Serialize};
use wharf_domain::{
    Error,
    event::EventFilter,
    proxy::{ProxyConfig, ProxyProtocol},
    s3::S3Config,
    secret::Secret,
    settings,
    websocket::WebSocketConfig,
};

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the domain's switches, one by one")]
pub(crate) struct Settings {
    auto_reject_calls: bool,
    call_reject_message: String,
    ignore_group_messages: bool,
    keep_online_status: bool,
    auto_read_messages: bool,
    disable_history_sync: bool,
    ignore_status: bool,
}

impl From<&settings::Settings> for Settings {
    fn from(settings: &settings::Settings) -> Self {
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

impl From<Settings> for settings::Settings {
    fn from(settings: Settings) -> Self {
        Self {
            auto_reject_calls: settings.auto_reject_calls,
            call_reject_message: settings.call_reject_message,
            ignore_group_messages: settings.ignore_group_messages,
            keep_online_status: settings.keep_online_status,
            auto_read_messages: settings.auto_read_messages,
            disable_history_sync: settings.disable_history_sync,
            ignore_status: settings.ignore_status,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Proxy {
    protocol: String,
    host: String,
    port: u16,
    username: Option<String>,
}

impl From<&ProxyConfig> for Proxy {
    fn from(proxy: &ProxyConfig) -> Self {
        Self {
            protocol: proxy.protocol.as_str().to_owned(),
            host: proxy.host.clone(),
            port: proxy.port,
            username: proxy.username.clone(),
        }
    }
}

impl Proxy {
    pub(crate) fn with(self, password: Option<Secret>) -> Result<ProxyConfig, Error> {
        Ok(ProxyConfig {
            protocol: ProxyProtocol::parse(&self.protocol)?,
            host: self.host,
            port: self.port,
            username: self.username,
            password,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct S3 {
    region: String,
    bucket: String,
    access_key: String,
    endpoint: Option<String>,
    path_prefix: String,
}

impl From<&S3Config> for S3 {
    fn from(s3: &S3Config) -> Self {
        Self {
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            access_key: s3.access_key.clone(),
            endpoint: s3.endpoint.clone(),
            path_prefix: s3.path_prefix.clone(),
        }
    }
}

impl S3 {
    pub(crate) fn with(self, secret_key: Secret) -> S3Config {
        let Self { region, bucket, access_key, endpoint, path_prefix } = self;
        S3Config { region, bucket, access_key, secret_key, endpoint, path_prefix }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WebSocket {
    enabled: bool,
    events: Vec<String>,
    media_base64: bool,
}

impl From<&WebSocketConfig> for WebSocket {
    fn from(websocket: &WebSocketConfig) -> Self {
        let events = websocket.events.kinds().iter().map(|kind| kind.as_str().to_owned());
        Self {
            enabled: websocket.enabled,
            events: events.collect(),
            media_base64: websocket.media_base64,
        }
    }
}

impl TryFrom<WebSocket> for WebSocketConfig {
    type Error = Error;

    fn try_from(websocket: WebSocket) -> Result<Self, Error> {
        Ok(Self {
            enabled: websocket.enabled,
            events: EventFilter::parse(websocket.events.iter().map(String::as_str))?,
            media_base64: websocket.media_base64,
        })
    }
}
