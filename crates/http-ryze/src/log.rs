//! The event log, for whoever wants to read what was told, or to make up for what was missed.

use actix_web::{HttpResponse, Responder, get, http::header::ContentType, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{
    Result as DomainResult,
    event::{Event, EventId},
    instance::Instance,
    ports::LogStart,
};

use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
    page::PublicUrl,
    paging,
    query::Asked,
    routes::Routes,
};

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(read);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// After this event (its id), or from this moment on (RFC 3339). Absent: from the oldest event there is.
    #[param(example = "2026-04-28T10:30:00Z")]
    since: Option<String>,
    /// Where the page begins: `nextCursor` of the one before. `since` does not count then.
    cursor: Option<String>,
    /// How many at most, 1 to 500; 100 when absent.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

impl LogQuery {
    fn start(&self) -> DomainResult<LogStart> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match (given(&self.cursor), given(&self.since)) {
            (Some(cursor), _) => {
                paging::event_id(&cursor).map(LogStart::AfterEvent).ok_or_else(paging::bad_cursor)
            }
            (None, Some(since)) => paging::since(&since),
            (None, None) => Ok(LogStart::Oldest),
        }
    }
}

/// A page of the log. The events are the envelopes that all channels get.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "read by the OpenAPI generator alone: the answer is written as it is rendered"
)]
struct LogAnswer {
    /// Always true.
    success: bool,
    /// In the order of the log.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Event>,
    /// Where the next page begins; null when this is the last.
    next_cursor: Option<String>,
}

/// Read the log
///
/// What happened to the instance, in order, whether or not a webhook asked for it; as far back as events are kept. Media does not
/// come along.
#[utoipa::path(
    tag = "Events",
    operation_id = "readEventLog",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), LogQuery),
    responses((status = OK, description = "Found", body = LogAnswer), Refusals),
)]
#[get("/api/events/log/{instance:[^/]*}")]
async fn read(
    caller: OpenInstance,
    server: Data<PublicUrl>,
    Asked(query): Asked<LogQuery>,
) -> Result<impl Responder, ApiError> {
    let parsed = || Ok((query.start()?, paging::limit(query.limit.as_deref())?));
    let (start, limit) = parsed().during(Operation::ReadLog)?;
    let page = caller.services.log.page(caller.instance.id, start, limit).await;
    let page = page.during(Operation::ReadLog)?;
    let body = written(&page.events, page.next, &caller.instance, &server.0);
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

/// The answer, with the envelopes as they are rendered for all channels.
fn written(
    events: &[Event],
    next: Option<EventId>,
    instance: &Instance,
    base_url: &str,
) -> Vec<u8> {
    let mut body = br#"{"success":true,"events":["#.to_vec();
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        let (name, token) = (&instance.name, &instance.token);
        body.extend(wharf_wire::envelope(event, name, token, base_url, None));
    }
    let next = next.map_or_else(|| "null".to_owned(), |id| format!("\"{}\"", id.0));
    body.extend(format!(r#"],"nextCursor":{next}}}"#).into_bytes());
    body
}
