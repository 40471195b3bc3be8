//! Whether the gateway works.

mod live;
mod ready;
mod uptime;

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_application::health::Health;

use crate::routes::Routes;

/// What is answered whoever asks, from wherever and however often.
pub(crate) const PATHS: [&str; 3] = ["/health", "/health/live", "/health/ready"];

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(ready::health).service(ready::ready).service(live::live);
}

/// The version that the answer tells.
pub(crate) struct Version(pub(crate) String);

/// How the gateway is.
#[derive(Serialize, ToSchema)]
struct HealthAnswer {
    /// `ok`, or `degraded` when a check fails.
    #[schema(example = "ok")]
    status: &'static str,
    /// Always `RyzeAPI`: clients look for it.
    #[schema(example = "RyzeAPI")]
    service: &'static str,
    /// The gateway's version.
    version: String,
    /// How long it has been running.
    #[schema(example = "12h34m56s")]
    uptime: String,
    /// Now, RFC 3339.
    timestamp: String,
    /// Each part it depends on: `ok`, or `fail: ` and why.
    checks: BTreeMap<String, String>,
}

fn answer(health: &Health, version: &Version) -> HttpResponse {
    let (status, code) = if health.is_ok() {
        ("ok", StatusCode::OK)
    } else {
        ("degraded", StatusCode::SERVICE_UNAVAILABLE)
    };
    let found = |problem: &Option<String>| match problem {
        None => "ok".to_owned(),
        Some(problem) => format!("fail: {problem}"),
    };
    HttpResponse::build(code).json(HealthAnswer {
        status,
        service: "RyzeAPI",
        version: version.0.clone(),
        uptime: uptime::in_words(health.uptime),
        timestamp: wharf_wire::rfc3339(health.now),
        checks: health.checks.iter().map(|(name, p)| ((*name).to_owned(), found(p))).collect(),
    })
}
