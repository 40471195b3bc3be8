use actix_web::{HttpResponse, get, web::Data};
use wharf_application::Services;

use super::{HealthAnswer, Version, answer};

/// How is the gateway?
#[utoipa::path(tag = "Health", operation_id = "health", responses(
    (status = OK, description = "Everything it depends on works", body = HealthAnswer),
    (status = SERVICE_UNAVAILABLE, description = "Something does not", body = HealthAnswer),
))]
#[get("/health")]
pub(super) async fn health(services: Data<Services>, version: Data<Version>) -> HttpResponse {
    answer(&services.health.check().await, &version)
}

/// Can it serve requests?
///
/// The same answer as `/health`.
#[utoipa::path(tag = "Health", operation_id = "ready", responses(
    (status = OK, description = "It can", body = HealthAnswer),
    (status = SERVICE_UNAVAILABLE, description = "It cannot", body = HealthAnswer),
))]
#[get("/health/ready")]
pub(super) async fn ready(services: Data<Services>, version: Data<Version>) -> HttpResponse {
    answer(&services.health.check().await, &version)
}
