use actix_web::{
    FromRequest, HttpRequest, Responder, get,
    web::{Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{Error, Result as DomainResult, instance::InstanceName, token::Principal};
use wharf_wire::metrics::MetricsView;

use crate::{
    access::{AnyToken, unknown_name},
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// How many names may be asked for at once.
const MAX_NAMES: usize = 100;

/// Figures.
#[derive(Serialize, ToSchema)]
struct MetricsAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Metrics retrieved successfully")]
    message: &'static str,
    metrics: MetricsView,
}

/// The names in a list with commas. A name no instance can have is unknown like any other.
fn names(list: &str, principal: Principal) -> Result<Vec<InstanceName>, ApiError> {
    let asked: Vec<_> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if asked.is_empty() {
        return Err(ApiError::MissingInstance);
    }
    let parsed = || {
        if asked.len() > MAX_NAMES {
            return Err(Error::invalid("instance", "must have at most 100 names"));
        }
        let name = |name: &&str| InstanceName::parse(*name).map_err(|_| unknown_name(principal));
        asked.iter().map(name).collect::<DomainResult<Vec<_>>>()
    };
    parsed().during(Operation::GetMetrics)
}

/// Get figures
///
/// What the stored messages add up to, of one instance, or of several with commas between their names: numbers summed, times
/// the earliest and the latest.
#[utoipa::path(
    tag = "Instances",
    operation_id = "getMetrics",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "A name, or several with commas between them")),
    responses(
        (status = OK, description = "Added up", body = MetricsAnswer),
        (status = BAD_REQUEST, description = "There is no name in the path", body = ErrorBody),
        Refusals,
    ),
)]
#[get("/api/instance/metrics/{instance:[^/]*}")]
pub(super) async fn metrics(
    caller: AnyToken,
    request: HttpRequest,
) -> Result<impl Responder, ApiError> {
    let list = Path::<String>::extract(&request).into_inner().map(Path::into_inner);
    let unreadable = |_| unknown_name(caller.principal);
    let list = list.map_err(unreadable).during(Operation::GetMetrics)?;
    let names = names(&list, caller.principal)?;
    let found = caller.services.metrics.of(caller.principal, &names).await;
    let metrics = MetricsView::new(list, found.during(Operation::GetMetrics)?);
    Ok(Json(MetricsAnswer { success: true, message: "Metrics retrieved successfully", metrics }))
}
