use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Result, event::EventFilter, websocket::WebSocketConfig};
use wharf_wire::instance::EventName;

/// Its WebSocket channel.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebSocketBlock {
    /// Whether clients may attach.
    websocket_enabled: Option<bool>,
    /// Which events they get; empty or absent is all of them.
    #[schema(value_type = Option<Vec<EventName>>)]
    websocket_events: Option<Vec<String>>,
    /// Whether media comes along as base64.
    websocket_media_base64: Option<bool>,
}

impl WebSocketBlock {
    /// The channel, when there shall be one.
    pub(crate) fn parse(self) -> Option<Result<WebSocketConfig>> {
        self.websocket_enabled.unwrap_or(false).then(|| {
            let events = self.websocket_events.unwrap_or_default();
            Ok(WebSocketConfig {
                enabled: true,
                events: EventFilter::parse(events.iter().map(String::as_str))?,
                media_base64: self.websocket_media_base64.unwrap_or(false),
            })
        })
    }
}
