use actix_web::HttpRequest;
use utoipa::IntoParams;
use wharf_domain::{Error, Result};

const MAX: usize = 255;

/// How the header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the OpenAPI generator alone")]
pub(super) struct IdempotencyKey {
    /// Makes a repeat of the request harmless, for 24 hours
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}

/// The header `Idempotency-Key`, when it came along and is not empty.
pub(super) fn key(request: &HttpRequest) -> Result<Option<String>> {
    let Some(value) = request.headers().get("idempotency-key").filter(|v| !v.is_empty()) else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| key.len() <= MAX);
    key.map(|key| Some(key.to_owned()))
        .ok_or(Error::invalid("Idempotency-Key", "must be visible ASCII of at most 255 characters"))
}
