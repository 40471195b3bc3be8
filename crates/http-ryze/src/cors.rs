//! Which web pages may read what is answered.
//!
//! Each account has a list of origins. A preflight carries no token, so it is answered from all lists together; the request that
//! follows is answered from the list of its own account.

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use wharf_application::Services;
use wharf_domain::{cors::Origin, token::Principal};

use crate::{
    access::Caller,
    error::{ApiError, During, Operation},
    health, page,
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Content-Type, Authorization, token, Idempotency-Key");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset");
/// How long browsers may remember what a preflight was answered, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue = HeaderValue::from_static("Origin");

/// Answers preflights, and tells browsers which pages may read the answer to anything else. What is asked about the health, and
/// the pairing page, are for no other page to read.
pub(crate) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.match_info().as_str();
    if health::PATHS.contains(&path) || path.starts_with(page::PREFIX) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    if let Some(origin) = &origin
        && is_preflight(&request)
    {
        let answer = preflight(&request, origin).await;
        let mut answer = answer.unwrap_or_else(|refusal| refusal.error_response());
        answer.headers_mut().insert(header::VARY, VARY);
        return Ok(request.into_response(answer));
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let readable = match &origin {
        Some(origin) => may_read(&response, origin).await,
        None => false,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, VARY);
    if let Some(origin) = origin.filter(|_| readable) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    Ok(response)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

async fn preflight(request: &ServiceRequest, raw: &HeaderValue) -> Result<HttpResponse, ApiError> {
    let (Some(origin), Some(services)) = (parsed(raw), request.app_data::<Data<Services>>()) else {
        return Err(ApiError::ForeignOrigin);
    };
    let allowed = services.cors.allows_any(&origin).await.during(Operation::Identify)?;
    if !allowed {
        return Err(ApiError::ForeignOrigin);
    }
    let mut answer = HttpResponse::NoContent().finish();
    allow(answer.headers_mut(), raw.clone());
    Ok(answer)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
}

/// Whether pages of that origin may read this answer. A refusal of somebody unknown belongs to no account: whoever may ask may
/// read it.
async fn may_read(response: &ServiceResponse<BoxBody>, raw: &HeaderValue) -> bool {
    let request = response.request();
    let (Some(origin), Some(services)) = (parsed(raw), request.app_data::<Data<Services>>()) else {
        return false;
    };
    let caller = request.extensions().get::<Caller>().and_then(Caller::principal);
    let allowed = match caller {
        Some(Principal::Account(account) | Principal::Instance { account, .. }) => {
            services.cors.allows(account, &origin).await
        }
        None => services.cors.allows_any(&origin).await,
    };
    allowed.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "cannot tell who may read an answer"
        );
        false
    })
}

fn parsed(origin: &HeaderValue) -> Option<Origin> {
    origin.to_str().ok().and_then(|origin| Origin::parse(origin).ok())
}
