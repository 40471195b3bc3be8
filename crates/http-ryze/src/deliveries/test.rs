use actix_web::{Responder, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{delivery::Outcome, webhook::WebhookLabel};

use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// Which webhook is tried.
#[derive(Default, Deserialize, ToSchema)]
struct TestBody {
    /// `default` when absent.
    #[schema(example = "default")]
    label: Option<String>,
}

/// What came of the test.
#[derive(Serialize, ToSchema)]
struct TestAnswer {
    /// Always true: the test was made. Whether the receiver has the event says `error`.
    success: bool,
    /// The receiver's HTTP status, when it answered.
    #[schema(example = 200)]
    status: Option<u16>,
    /// How long it took, in milliseconds.
    #[schema(example = 42)]
    ms: u64,
    /// Why the receiver does not have the event; null when it has.
    error: Option<String>,
}

/// Test a webhook
///
/// Posts one event that says it is a test, signed and authorized like any other, and waits for the receiver's answer. It is in no
/// log, waits for nothing and is not tried again.
#[utoipa::path(
    tag = "Events",
    operation_id = "testWebhook",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body(content = Option<TestBody>),
    responses(
        (status = OK, description = "Tried", body = TestAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/events/test/{instance:[^/]*}")]
pub(super) async fn test(caller: OpenInstance, body: Sent) -> Result<impl Responder, ApiError> {
    let body = body.json_if_any::<TestBody>()?;
    let label = WebhookLabel::parse(body.label.as_deref()).during(Operation::TestWebhook)?;
    let tested = caller.services.deliveries.test(&caller.instance, &label).await;
    let tested = tested.during(Operation::TestWebhook)?;
    Ok(Json(TestAnswer {
        success: true,
        status: tested.attempt.status,
        ms: u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX),
        error: failure(tested.attempt.outcome),
    }))
}

fn failure(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Retry { reason, .. }
        | Outcome::Refused { reason }
        | Outcome::Gone { reason }
        | Outcome::Failed { reason } => Some(reason),
    }
}
