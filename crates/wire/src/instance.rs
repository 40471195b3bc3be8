//! Instances, as API answers show them.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{
    event::{EventFilter, EventKind},
    instance::Instance,
    proxy::ProxyConfig,
    s3::S3Config,
    settings::Settings,
    state::ConnectionState,
    webhook::Webhook,
    websocket::WebSocketConfig,
};

use crate::rfc3339;

/// An instance with its token and the summary of every part of its configuration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// Identifies it for life.
    #[schema(example = "0199a3c2-7a44-7cc0-8d7c-3a5b2f0c9a11")]
    pub id: String,
    /// Its name, as it stands in URLs.
    #[schema(example = "sales")]
    pub name: String,
    /// The token that acts for this instance alone.
    pub token: String,
    /// `disconnected`, `connecting`, `connected`, `loggedout` or `banned`.
    #[schema(example = "disconnected")]
    pub status: String,
    /// The WhatsApp address it is, or last was, linked to.
    #[schema(example = "5511999990001@s.whatsapp.net")]
    pub number_jid: Option<String>,
    /// Its way out.
    pub proxy: ProxyView,
    /// The webhook labelled `default`.
    pub webhook: WebhookSummary,
    /// Its WebSocket channel.
    pub websocket: WebSocketView,
    /// Its Chatwoot integration.
    pub chatwoot: ChatwootView,
    /// How it behaves.
    pub settings: SettingsView,
    /// Where its media goes.
    pub s3: S3View,
    /// When it was created, RFC 3339.
    #[schema(example = "2026-04-28T10:30:00Z")]
    pub created_at: String,
    /// When something of it last changed, RFC 3339.
    #[schema(example = "2026-04-28T10:30:00Z")]
    pub updated_at: String,
}

impl InstanceView {
    /// Shows an instance, its state now and its `default` webhook, if it has one.
    #[must_use]
    pub fn new(
        instance: &Instance,
        state: ConnectionState,
        default_webhook: Option<&Webhook>,
    ) -> Self {
        Self {
            id: instance.id.0.to_string(),
            name: instance.name.as_str().to_owned(),
            token: instance.token.expose().to_owned(),
            status: state.as_str().to_owned(),
            number_jid: number_jid(instance),
            proxy: ProxyView::new(instance.proxy.as_ref()),
            webhook: WebhookSummary::new(default_webhook),
            websocket: WebSocketView::new(instance.websocket.as_ref()),
            chatwoot: ChatwootView::default(),
            settings: SettingsView::new(&instance.settings),
            s3: S3View::new(instance.s3.as_ref()),
            created_at: rfc3339(instance.created_at),
            updated_at: rfc3339(instance.updated_at),
        }
    }
}

/// An instance in a list: with its link to WhatsApp and who is behind it.
#[derive(Serialize, ToSchema)]
pub struct ListedInstanceView {
    /// The instance.
    #[serde(flatten)]
    pub instance: InstanceView,
    /// Its link to WhatsApp.
    pub connection: ConnectionView,
    /// Who is behind it.
    pub profile: ProfileView,
}

impl ListedInstanceView {
    /// Shows an instance, its state now and its `default` webhook, if it has one.
    #[must_use]
    pub fn new(
        instance: &Instance,
        state: ConnectionState,
        default_webhook: Option<&Webhook>,
    ) -> Self {
        Self {
            instance: InstanceView::new(instance, state, default_webhook),
            connection: ConnectionView::new(instance, state),
            profile: ProfileView::new(instance),
        }
    }
}

/// The proxy of an instance. The password is never shown.
#[derive(Default, Serialize, ToSchema)]
pub struct ProxyView {
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
    /// Always null.
    pub password: Option<String>,
}

impl ProxyView {
    fn new(proxy: Option<&ProxyConfig>) -> Self {
        proxy.map_or_else(Self::default, |proxy| Self {
            enabled: true,
            host: Some(proxy.host.clone()),
            port: Some(proxy.port.to_string()),
            protocol: Some(proxy.protocol.as_str().to_owned()),
            username: proxy.username.clone(),
            password: None,
        })
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
    pub events: Vec<String>,
}

impl WebhookSummary {
    fn new(webhook: Option<&Webhook>) -> Self {
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
    pub events: Vec<String>,
    /// Whether media comes along as base64.
    pub media_base64: bool,
}

impl WebSocketView {
    fn new(websocket: Option<&WebSocketConfig>) -> Self {
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
    fn new(settings: &Settings) -> Self {
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

/// Where the media of an instance goes. The secret key is never shown.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3View {
    /// Whether it has its own bucket.
    pub enabled: bool,
    /// The region.
    pub region: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The id of the access key.
    pub access_key: Option<String>,
    /// Always null.
    pub secret_key: Option<String>,
    /// The server's URL; empty is AWS.
    pub endpoint: Option<String>,
    /// What every key begins with.
    pub path_prefix: Option<String>,
}

impl S3View {
    fn new(s3: Option<&S3Config>) -> Self {
        s3.map_or_else(Self::default, |s3| Self {
            enabled: true,
            region: Some(s3.region.clone()),
            bucket: Some(s3.bucket.clone()),
            access_key: Some(s3.access_key.clone()),
            secret_key: None,
            endpoint: Some(s3.endpoint.clone().unwrap_or_default()),
            path_prefix: Some(s3.path_prefix.clone()),
        })
    }
}

/// The link of an instance to WhatsApp.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// `disconnected`, `connecting`, `connected`, `loggedout` or `banned`.
    #[schema(example = "connected")]
    pub state: String,
    /// The WhatsApp address it is, or last was, linked to.
    pub number_jid: Option<String>,
    /// `available` or `unavailable`: how others see it.
    pub presence_status: String,
    /// The state in words.
    #[schema(example = "Connected")]
    pub display_status: String,
}

impl ConnectionView {
    fn new(instance: &Instance, state: ConnectionState) -> Self {
        let online = state == ConnectionState::Connected && instance.settings.keep_online_status;
        let in_words = match state {
            ConnectionState::Disconnected => "Disconnected",
            ConnectionState::Connecting => "Connecting",
            ConnectionState::Connected => "Connected",
            ConnectionState::LoggedOut => "Logged out",
            ConnectionState::Banned => "Banned",
        };
        Self {
            state: state.as_str().to_owned(),
            number_jid: number_jid(instance),
            presence_status: if online { "available" } else { "unavailable" }.to_owned(),
            display_status: in_words.to_owned(),
        }
    }
}

/// Who is behind an instance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView {
    /// The push name.
    pub name: Option<String>,
    /// Where the picture is.
    pub picture_url: Option<String>,
    /// Whether it is a business account.
    pub is_business: bool,
    /// The verified business name, empty when it is none.
    pub business_name: String,
}

impl ProfileView {
    fn new(instance: &Instance) -> Self {
        let profile = &instance.profile;
        Self {
            name: profile.name.clone(),
            picture_url: None,
            is_business: profile.business_name.is_some(),
            business_name: profile.business_name.clone().unwrap_or_default(),
        }
    }
}

fn number_jid(instance: &Instance) -> Option<String> {
    instance.profile.jid.as_ref().map(ToString::to_string)
}

pub(crate) fn event_names(filter: &EventFilter) -> Vec<String> {
    filter.kinds().iter().copied().map(EventKind::as_str).map(str::to_owned).collect()
}
