use actix_web::{Responder, delete, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{delivery::DeliveryState, webhook::WebhookLabel};

use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// Which deliveries are dropped. Both fields have to be there.
#[derive(Deserialize, ToSchema)]
struct DropBody {
    /// Those to this webhook; empty is `default`.
    #[schema(example = "default", required = true)]
    label: Option<String>,
    /// Those in this state: `pending`, `dead` or `held`.
    #[schema(example = "held", required = true)]
    state: Option<String>,
}

/// What was dropped.
#[derive(Serialize, ToSchema)]
struct DroppedAnswer {
    /// Always true.
    success: bool,
    /// How many deliveries.
    dropped: u64,
}

/// Drop deliveries
///
/// Gives up what is on its way to a webhook or held for it, or forgets its dead letters. What is being tried at this moment is left
/// alone. The events stay in the log, so they can be replayed.
#[utoipa::path(
    tag = "Events",
    operation_id = "dropDeliveries",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = DropBody,
    responses(
        (status = OK, description = "Dropped", body = DroppedAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[delete("/api/events/deliveries/{instance:[^/]*}")]
pub(super) async fn discard(caller: OpenInstance, body: Sent) -> Result<impl Responder, ApiError> {
    let body = body.json_or_why::<DropBody>()?;
    let label = body.label.ok_or(ApiError::MissingField("label"))?;
    let state = body.state.filter(|state| !state.is_empty());
    let state = state.ok_or(ApiError::MissingField("state"))?;
    let label = WebhookLabel::parse(Some(&label)).during(Operation::DropDeliveries)?;
    let state = DeliveryState::parse(&state).during(Operation::DropDeliveries)?;
    let dropped = caller.services.deliveries.discard(caller.instance.id, &label, state).await;
    let dropped = dropped.during(Operation::DropDeliveries)?;
    Ok(Json(DroppedAnswer { success: true, dropped }))
}
