//! The WebSocket itself: an instance's events as they happen, one text frame each.

mod outgoing;
mod peer;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody as _,
    get,
    http::{StatusCode, header},
    rt,
    web::{Data, Payload},
};
use serde::Deserialize;
use uuid::Uuid;
use wharf_application::live::Render;
use wharf_domain::{Error, cors::Origin, event::EventId};

use self::outgoing::Outgoing;
use crate::{
    access::OpenInstance,
    api::Limiter,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
    page::PublicUrl,
    query::Asked,
    routes::Routes,
};

/// What the path of every WebSocket begins with. Browsers cannot send headers with it, so that its token may be in the query.
pub(crate) const PREFIX: &str = "/ws/";

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(open);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// The `eventId` of the last event that was received: what happened after it comes first, so that nothing is missed.
    since: Option<String>,
    /// The token, for callers that cannot send headers.
    #[expect(dead_code, reason = "read before, with the headers")]
    token: Option<String>,
}

impl LiveQuery {
    fn since(&self) -> Result<Option<EventId>, ApiError> {
        let Some(raw) = self.since.as_deref().filter(|raw| !raw.is_empty()) else {
            return Ok(None);
        };
        let id = Uuid::parse_str(raw).ok().filter(|id| id.get_version_num() == 7);
        let id = id.ok_or(Error::invalid("since", "must be the id of an event"));
        id.map(|id| Some(EventId(id))).during(Operation::FindInstance)
    }
}

/// Attach to an instance's events
///
/// A WebSocket on which every event is one text frame, in the envelope that webhooks get. Which events, and whether media
/// comes along, is as the WebSocket is set up when the event happens. Nothing has to be sent. The server pings every 30 seconds
/// and closes a connection on which nothing is heard for 60.
///
/// Closed with 1013, the reader was too slow; with 1001, the gateway stops or the instance was removed. Whoever comes back with
/// the last `eventId` as `since` has missed nothing.
#[utoipa::path(
    tag = "Events",
    operation_id = "openWebsocket",
    security(("token" = []), ("bearer" = []), ("queryToken" = [])),
    params(("instance" = String, Path, description = "The instance's name"), LiveQuery),
    responses(
        (status = SWITCHING_PROTOCOLS, description = "Attached"),
        (
            status = BAD_REQUEST,
            description = "The WebSocket is not enabled, `since` is not right, or this is no WebSocket handshake",
            body = ErrorBody,
        ),
        (status = UPGRADE_REQUIRED, description = "Not this version of WebSockets", body = ErrorBody),
        Refusals,
    ),
)]
#[get("/ws/{instance:[^/]*}")]
async fn open(
    request: HttpRequest,
    caller: OpenInstance,
    asked: Asked<LiveQuery>,
    limiter: Data<Limiter>,
    url: Data<PublicUrl>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let OpenInstance { instance, services } = caller;
    check_origin(&request, instance.account, &services).await?;
    let since = asked.0.since()?;
    if !instance.websocket.as_ref().is_some_and(|websocket| websocket.enabled) {
        return Err(ApiError::WebSocketOff { instance: instance.name.to_string() });
    }
    let (response, session, incoming) =
        actix_ws::handle(&request, payload).map_err(|e| refused(&e))?;
    let url = url.0.clone();
    let rendering: Render = Arc::new(move |event, instance, token, media| {
        wharf_wire::envelope(event, instance, token, &url, media)
    });
    let attached = services.live.attach(instance.id, since, rendering).await;
    let reader = attached.during(Operation::FindInstance)?;
    rt::spawn(peer::look_after(session, incoming, limiter.clock.clone()));
    Ok(response.map_body(|_, control| Outgoing::new(control, reader).boxed()))
}

/// Refuses pages that may not call. What is no web page names no origin.
async fn check_origin(
    request: &HttpRequest,
    account: wharf_domain::account::AccountId,
    services: &wharf_application::Services,
) -> Result<(), ApiError> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| Origin::parse(origin).ok());
    let allowed = match &origin {
        Some(origin) => services.cors.allows(account, origin).await,
        None => Ok(false),
    };
    let allowed = allowed.during(Operation::Identify)?;
    allowed.then_some(()).ok_or(ApiError::ForeignOrigin)
}

fn refused(error: &actix_web::Error) -> ApiError {
    let is_version = error.error_response().status() == StatusCode::UPGRADE_REQUIRED;
    if is_version { ApiError::WebSocketVersion } else { ApiError::NoHandshake }
}
