use actix_web::{Responder, delete, web::Json};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::state::ConnectionState;
use wharf_wire::instance::StateName;

use crate::{
    access::OpenInstance,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// No pairing is under way.
#[derive(Serialize, ToSchema)]
struct CancelledAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Connection attempt cancelled")]
    message: &'static str,
    /// The state of the instance's link to WhatsApp now.
    status: StateName,
}

/// Cancel a connection attempt
///
/// Gives up the pairing that is under way; codes that were given out link nothing any more. A repeat is harmless. Who waits for
/// a code hears that the attempt was cancelled. An instance that is paired is left alone: it goes on connecting by itself.
#[utoipa::path(
    tag = "Instances",
    operation_id = "cancelConnect",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses(
        (status = OK, description = "Cancelled, or there was nothing to cancel", body = CancelledAnswer),
        (status = BAD_REQUEST, description = "It is connected", body = ErrorBody),
        Refusals,
    ),
)]
#[delete("/api/instance/connect/{instance:[^/]*}")]
pub(super) async fn cancel(caller: OpenInstance) -> Result<impl Responder, ApiError> {
    let cancelled = caller.services.connections.cancel(&caller.instance).await;
    let state = cancelled.during(Operation::CancelConnect)?;
    if state == ConnectionState::Connected {
        return Err(ApiError::AlreadyConnected);
    }
    let message = "Connection attempt cancelled";
    Ok(Json(CancelledAnswer { success: true, message, status: state.into() }))
}
