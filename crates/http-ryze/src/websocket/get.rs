use actix_web::{Responder, get, web::Json};
use wharf_wire::instance::WebSocketView;

use super::WebSocketAnswer;
use crate::{
    access::OpenInstance,
    error::{ApiError, Refusals},
};

/// Get the WebSocket
///
/// How it is set up. One that never was is not found; one that is switched off is shown empty.
#[utoipa::path(
    tag = "Events",
    operation_id = "getWebsocket",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Found", body = WebSocketAnswer), Refusals),
)]
#[get("/api/events/getWebsocket/{instance:[^/]*}")]
pub(super) async fn get(caller: OpenInstance) -> Result<impl Responder, ApiError> {
    let found = caller.instance.websocket.as_ref().ok_or(ApiError::NoWebSocket)?;
    let websocket = WebSocketView::new(Some(found));
    let message = "WebSocket configuration retrieved";
    Ok(Json(WebSocketAnswer { success: true, message, websocket }))
}
