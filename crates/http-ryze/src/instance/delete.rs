use actix_web::{Responder, delete, web::Json};

use super::EndedAnswer;
use crate::{
    access::{AccountToken, NamedInstance},
    error::{ApiError, During, Operation, Refusals},
};

/// Delete an instance
///
/// Logs it out and removes it with everything that is its own. Only its account may.
#[utoipa::path(
    tag = "Instances",
    operation_id = "deleteInstance",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Deleted", body = EndedAnswer), Refusals),
)]
#[delete("/api/instance/delete/{instance:[^/]*}")]
pub(super) async fn delete(
    caller: AccountToken,
    named: NamedInstance,
) -> Result<impl Responder, ApiError> {
    let done = caller.services.instances.delete(caller.account, &named.0).await;
    done.during(Operation::DeleteInstance)?;
    Ok(Json(EndedAnswer::new("Instance deleted", "deleted")))
}
