use actix_web::{Responder, post, web::Json};
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Result as DomainResult, event::EventFilter, websocket::WebSocketConfig};
use wharf_wire::instance::{EventName, WebSocketView};

use super::WebSocketAnswer;
use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// The whole configuration of the WebSocket.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebSocketBody {
    /// Whether clients may attach. Switched off, it loses the rest of its configuration.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Which events they get; empty or absent is all of them.
    #[schema(value_type = Option<Vec<EventName>>)]
    events: Option<Vec<String>>,
    /// Whether media comes along as base64.
    media_base64: Option<bool>,
}

impl WebSocketBody {
    fn parse(self) -> DomainResult<WebSocketConfig> {
        if !self.enabled.unwrap_or(true) {
            return Ok(WebSocketConfig::default());
        }
        let events = self.events.unwrap_or_default();
        Ok(WebSocketConfig {
            enabled: true,
            events: EventFilter::parse(events.iter().map(String::as_str))?,
            media_base64: self.media_base64.unwrap_or(false),
        })
    }
}

/// Set the WebSocket
///
/// Writes the whole of it, in place of what was there. Switching it off leaves the connections there are open and refuses new
/// ones.
#[utoipa::path(
    tag = "Events",
    operation_id = "setWebsocket",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = WebSocketBody,
    responses(
        (status = OK, description = "Set", body = WebSocketAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/events/websocket/{instance:[^/]*}")]
pub(super) async fn set(caller: OpenInstance, body: Sent) -> Result<impl Responder, ApiError> {
    let wanted = body.json::<WebSocketBody>()?.parse().during(Operation::SetWebSocket)?;
    let websocket = WebSocketView::new(Some(&wanted));
    let set = caller.services.instances.update_websocket(&caller.instance, wanted).await;
    set.during(Operation::SetWebSocket)?;
    let message = "WebSocket configuration updated";
    Ok(Json(WebSocketAnswer { success: true, message, websocket }))
}
