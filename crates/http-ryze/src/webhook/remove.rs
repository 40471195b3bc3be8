use actix_web::{Responder, delete, web::Json};

use super::{DoneAnswer, LabelQuery};
use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
    query::Asked,
};

/// Delete a webhook
///
/// Removes the webhook of a label, which has to be named, with the events that still wait for it.
#[utoipa::path(
    tag = "Events",
    operation_id = "deleteWebhook",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), LabelQuery),
    responses((status = OK, description = "Deleted", body = DoneAnswer), Refusals),
)]
#[delete("/api/events/webhook/{instance:[^/]*}")]
pub(super) async fn remove(
    caller: OpenInstance,
    Asked(query): Asked<LabelQuery>,
) -> Result<impl Responder, ApiError> {
    if query.label.is_none() {
        return Err(ApiError::MissingField("label"));
    }
    let label = query.parse().during(Operation::DeleteWebhook)?;
    let done = caller.services.webhooks.remove(caller.instance.id, &label).await;
    done.during(Operation::DeleteWebhook)?;
    Ok(Json(DoneAnswer { success: true, message: "Webhook deleted" }))
}
