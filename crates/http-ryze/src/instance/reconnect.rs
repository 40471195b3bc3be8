use actix_web::{Responder, post, web::Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::OpenInstance,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// A reconnect is under way.
#[derive(Serialize, ToSchema)]
struct ReconnectAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Reconnect initiated")]
    message: &'static str,
    #[schema(example = "connecting")]
    status: &'static str,
}

/// Reconnect an instance
///
/// Drops the connection there is, if any, and connects anew with the keys of the last pairing. What came of it is told by
/// `instance.state` events.
#[utoipa::path(
    tag = "Instances",
    operation_id = "reconnectInstance",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses(
        (status = OK, description = "Under way", body = ReconnectAnswer),
        (status = BAD_REQUEST, description = "It was never paired, or was logged out", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/instance/reconnect/{instance:[^/]*}")]
pub(super) async fn reconnect(caller: OpenInstance) -> Result<impl Responder, ApiError> {
    caller.services.connections.reconnect(&caller.instance).during(Operation::Reconnect)?;
    Ok(Json(ReconnectAnswer {
        success: true,
        message: "Reconnect initiated",
        status: "connecting",
    }))
}
