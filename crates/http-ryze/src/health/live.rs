use actix_web::{Responder, get, web::Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The process answers.
#[derive(Serialize, ToSchema)]
struct LiveAnswer {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Is the process alive?
///
/// Asks nothing that the process depends on: a failure means that it has to be restarted.
#[utoipa::path(tag = "Health", operation_id = "live", responses(
    (status = OK, description = "It is", body = LiveAnswer),
))]
#[get("/health/live")]
pub(super) async fn live() -> impl Responder {
    Json(LiveAnswer { status: "ok" })
}
