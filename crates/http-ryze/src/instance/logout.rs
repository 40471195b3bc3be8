use actix_web::{Responder, delete, web::Json};

use super::EndedAnswer;
use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
};

/// Log an instance out
///
/// Unlinks the device and forgets its keys. The instance and its token stay; a repeat is harmless.
#[utoipa::path(
    tag = "Instances",
    operation_id = "logoutInstance",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Logged out", body = EndedAnswer), Refusals),
)]
#[delete("/api/instance/logout/{instance:[^/]*}")]
pub(super) async fn logout(caller: OpenInstance) -> Result<impl Responder, ApiError> {
    let done = caller.services.connections.log_out(&caller.instance).await;
    done.during(Operation::LogOut)?;
    Ok(Json(EndedAnswer::new("Instance logged out", "loggedout")))
}
