use actix_web::{HttpResponse, Responder, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{
    Error, Result as DomainResult,
    delivery::{DeliveryState, Replay},
    event::EventId,
    webhook::WebhookLabel,
};

use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
    paging,
};

/// How many events may be named at once.
const MAX_EVENTS: usize = 500;

/// Which events are delivered once more: `events` alone, or `since`, or `state`, or both of these.
#[derive(Deserialize, ToSchema)]
struct ReplayBody {
    /// To which webhook; `default` when absent.
    #[schema(example = "default")]
    label: Option<String>,
    /// These events, by their ids, whatever became of them: 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    events: Option<Vec<String>>,
    /// What was recorded since then, RFC 3339; without `state` all of it that the webhook asks for.
    #[schema(example = "2026-04-28T10:30:00Z")]
    since: Option<String>,
    /// `dead`: only what was given up.
    #[schema(example = "dead")]
    state: Option<String>,
}

impl ReplayBody {
    fn parse(self) -> DomainResult<(WebhookLabel, Replay)> {
        let label = WebhookLabel::parse(self.label.as_deref())?;
        let since = self.since.as_deref().map(paging::moment).transpose()?;
        let state = self.state.as_deref().map(DeliveryState::parse).transpose()?;
        if state.is_some_and(|state| state != DeliveryState::Dead) {
            return Err(Error::invalid("state", "must be dead"));
        }
        let wanted = match (self.events, since, state) {
            (Some(events), None, None) => Replay::Events(ids(&events)?),
            (None, since, Some(_)) => Replay::Dead(since),
            (None, Some(since), None) => Replay::Since(since),
            (Some(_), _, _) => {
                return Err(Error::invalid("events", "cannot be combined with since or state"));
            }
            (None, None, None) => {
                return Err(Error::invalid("events", "must be given, or since, or state"));
            }
        };
        Ok((label, wanted))
    }
}

fn ids(events: &[String]) -> DomainResult<Vec<EventId>> {
    if !(1..=MAX_EVENTS).contains(&events.len()) {
        return Err(Error::invalid("events", "must name 1 to 500 events"));
    }
    let id = |raw: &String| {
        paging::event_id(raw).ok_or(Error::invalid("events", "must be the ids of events"))
    };
    events.iter().map(id).collect()
}

/// What was queued.
#[derive(Serialize, ToSchema)]
struct ReplayAnswer {
    /// Always true.
    success: bool,
    /// How many events.
    queued: u64,
}

/// Replay events
///
/// Delivers events of the log once more, as they are told now, with the `webhook-id` they had. They go beside the order of their
/// chats: a replay neither waits for what is new nor holds it back. What is on its way already is not queued again.
#[utoipa::path(
    tag = "Events",
    operation_id = "replayEvents",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = ReplayBody,
    responses(
        (status = ACCEPTED, description = "Queued", body = ReplayAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/events/replay/{instance:[^/]*}")]
pub(super) async fn replay(caller: OpenInstance, body: Sent) -> Result<impl Responder, ApiError> {
    let body = body.json_or_why::<ReplayBody>()?;
    let (label, wanted) = body.parse().during(Operation::ReplayEvents)?;
    let queued = caller.services.deliveries.replay(caller.instance.id, &label, wanted).await;
    let queued = queued.during(Operation::ReplayEvents)?;
    Ok(HttpResponse::Accepted().json(ReplayAnswer { success: true, queued }))
}
