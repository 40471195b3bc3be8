//! Instances, as API answers show them.

mod blocks;
mod names;

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{instance::Instance, state::ConnectionState, webhook::Webhook};

pub(crate) use self::names::event_names;
pub use self::{
    blocks::{
        BucketView, ChatwootView, ProxyView, S3View, SettingsView, WayOutView, WebSocketView,
        WebhookSummary,
    },
    names::{EventName, PresenceName, StateName},
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
    /// The state of its link to WhatsApp.
    pub status: StateName,
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
            status: state.into(),
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
    /// Shows an instance, its state now, whether others see it online, and its `default` webhook, if it has one.
    #[must_use]
    pub fn new(
        instance: &Instance,
        state: ConnectionState,
        is_online: bool,
        default_webhook: Option<&Webhook>,
    ) -> Self {
        Self {
            instance: InstanceView::new(instance, state, default_webhook),
            connection: ConnectionView::new(instance, state, is_online),
            profile: ProfileView::new(instance),
        }
    }
}

/// The link of an instance to WhatsApp.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// The same as `status`.
    pub state: StateName,
    /// The WhatsApp address it is, or last was, linked to.
    pub number_jid: Option<String>,
    /// How others see it.
    pub presence_status: PresenceName,
    /// The state in words.
    #[schema(example = "Connected")]
    pub display_status: String,
}

impl ConnectionView {
    fn new(instance: &Instance, state: ConnectionState, is_online: bool) -> Self {
        let in_words = match state {
            ConnectionState::Disconnected => "Disconnected",
            ConnectionState::Connecting => "Connecting",
            ConnectionState::Connected => "Connected",
            ConnectionState::LoggedOut => "Logged out",
            ConnectionState::Banned => "Banned",
        };
        Self {
            state: state.into(),
            number_jid: number_jid(instance),
            presence_status: if is_online {
                PresenceName::Available
            } else {
                PresenceName::Unavailable
            },
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
    /// Where the picture is, as of the last connect; WhatsApp lets such URLs expire.
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
            picture_url: profile.picture_url.clone(),
            is_business: profile.business_name.is_some(),
            business_name: profile.business_name.clone().unwrap_or_default(),
        }
    }
}

fn number_jid(instance: &Instance) -> Option<String> {
    instance.profile.jid.as_ref().map(ToString::to_string)
}
