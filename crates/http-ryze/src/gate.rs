//! What every request but `/health` passes: who is calling, and may they call now.

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::Data,
};
use wharf_application::Services;

use crate::{
    access::Caller,
    api::Limiter,
    error::ApiError,
    health, instance, peer,
    rate_limit::{Count, Counted},
    unknown,
};

/// Identifies the caller for the extractors, counts the request and tells the caller the count with whatever answer.
pub(crate) async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // What is asked for without its body is served as a read; the server leaves the body out.
    if request.method() == Method::HEAD && unknown::is_read(decoded(&request)) {
        request.head_mut().method = Method::GET;
    }
    if health::PATHS.contains(&decoded(&request)) {
        return Ok(in_our_words(next.call(request).await?.map_into_boxed_body()));
    }
    let (count, caller) = admit(&request).await;
    let refusal = match (&count, caller) {
        (Some(Count { allowed: false, .. }), _) => Some(ApiError::RateLimited),
        (_, Ok(caller)) => {
            request.extensions_mut().insert(caller);
            None
        }
        (_, Err(e)) => Some(e),
    };
    let mut response = match refusal {
        Some(refusal) => request.into_response(refusal.error_response()),
        None => in_our_words(next.call(request).await?.map_into_boxed_body()),
    };
    if let Some(count) = count {
        count.write(response.headers_mut());
    }
    Ok(response)
}

/// The path that routing goes by, in which `%77` is a `w`.
fn decoded(request: &ServiceRequest) -> &str {
    request.match_info().as_str()
}

/// Counts a request with its caller's others.
async fn admit(request: &ServiceRequest) -> (Option<Count>, Result<Caller, ApiError>) {
    let (Some(limiter), Some(services)) =
        (request.app_data::<Data<Limiter>>(), request.app_data::<Data<Services>>())
    else {
        return (None, Ok(Caller::Nobody));
    };
    let caller =
        Caller::identify(services, request.headers(), decoded(request), request.query_string())
            .await;
    let forwarded_for: Vec<_> = request
        .headers()
        .get_all(header::HeaderName::from_static("x-forwarded-for"))
        .filter_map(|value| value.to_str().ok())
        .collect();
    let address = peer::address(request.peer_addr(), &forwarded_for, &limiter.trusted_proxies);
    let principal = caller.as_ref().ok().and_then(Caller::principal);
    let creates = request.method() == Method::POST && decoded(request) == instance::CREATE;
    let who = Counted::of(principal, address);
    (limiter.limits.count(who, creates, limiter.clock.now()), caller)
}

/// Puts the contract's envelope around a refusal that another part answered without one.
fn in_our_words(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let bare = response.status() == StatusCode::NOT_FOUND
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if !bare {
        return response;
    }
    let answer: HttpResponse = ApiError::UnknownRoute.error_response();
    response.into_response(answer)
}
