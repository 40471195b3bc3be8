//! Serves what was claimed of one lane.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, Dispatch, Outcome, Settlement, SinkRef},
    instance::Instance,
    webhook::WebhookTarget,
};

use super::{STORE_PAUSE, Shared, pause, settling::Settled};
use crate::{backoff, media::Copied};

/// A claimed run of one lane.
pub(super) type LaneRun = Vec<Delivery>;

/// The instance and the sink of a lane; `None` when either is gone or disabled.
type Receiver = Option<(Instance, WebhookTarget)>;

/// What came of a turn of a delivery.
enum Turn {
    /// The sink was tried.
    Tried(Outcome),
    /// The media that is to go along is not there yet; the sink was not tried.
    TooEarly(Timestamp),
    /// There is nobody to deliver to.
    NobodyThere,
}

/// Makes the deliveries of a lane one after the other, up to the first that has to wait.
pub(super) async fn serve(shared: &Shared, lane: LaneRun, settled: &mpsc::Sender<Settled>) {
    let mut rest = lane.into_iter();
    let mut receiver = None;
    for delivery in rest.by_ref() {
        if shared.closing.is_cancelled() {
            let _ = settled.send(Settled::GivenBack(vec![delivery.id])).await;
            break;
        }
        let Some(settlement) = settlement(shared, &delivery, &mut receiver).await else {
            pause(shared, STORE_PAUSE).await;
            let _ = settled.send(Settled::GivenBack(vec![delivery.id])).await;
            break;
        };
        let waits = matches!(settlement, Settlement::Retry { .. } | Settlement::Postponed { .. });
        // The settler outlives every lane.
        let _ = settled.send(Settled::As(delivery.id, settlement)).await;
        if waits {
            break;
        }
    }
    let rest: Vec<_> = rest.map(|delivery| delivery.id).collect();
    if !rest.is_empty() {
        let _ = settled.send(Settled::GivenBack(rest)).await;
    }
}

/// What becomes of a delivery; `None` when nobody could be asked where it goes. A panic is a failed attempt.
async fn settlement(
    shared: &Shared,
    delivery: &Delivery,
    receiver: &mut Option<Receiver>,
) -> Option<Settlement> {
    let turn = AssertUnwindSafe(take_turn(shared, delivery, receiver)).catch_unwind().await;
    let turn = match turn {
        Ok(Ok(turn)) => turn,
        Ok(Err(e)) => {
            tracing::error!(error = &e as &dyn std::error::Error, "could not load a sink");
            return None;
        }
        Err(_) => {
            tracing::error!(event = %delivery.event.id.0, "an attempt at a delivery panicked");
            let reason = "the attempt panicked".to_owned();
            Turn::Tried(Outcome::Retry { reason, after: None })
        }
    };
    match &turn {
        Turn::Tried(Outcome::Retry { .. }) => {
            shared.sinks.failed(delivery.sink, &delivery.lane, shared.clock.now());
        }
        Turn::Tried(Outcome::Delivered) | Turn::NobodyThere => {
            shared.sinks.is_back(delivery.sink);
        }
        // This event cannot be delivered, or not yet; it says nothing of the sink.
        Turn::Tried(Outcome::Failed { .. }) | Turn::TooEarly(_) => {}
    }
    Some(match turn {
        Turn::Tried(outcome) => settled_by(shared, delivery, outcome),
        Turn::TooEarly(due) => Settlement::Postponed { due },
        Turn::NobodyThere => Settlement::Dropped,
    })
}

async fn take_turn(
    shared: &Shared,
    delivery: &Delivery,
    receiver: &mut Option<Receiver>,
) -> Result<Turn> {
    let known = match receiver {
        Some(known) => known,
        None => receiver.insert(load(shared, delivery).await?),
    };
    let Some((instance, target)) = known else { return Ok(Turn::NobodyThere) };
    let media = shared.copies.of(instance, &delivery.event, target.media_base64).await?;
    if let Copied::Later(due) = media {
        return Ok(Turn::TooEarly(due));
    }
    let dispatch = Dispatch {
        event: &delivery.event,
        instance: &instance.name,
        token: &instance.token,
        target,
        media: media.copy(),
    };
    Ok(Turn::Tried(shared.webhook_sink.deliver(&dispatch).await))
}

/// The instance and the sink as they are now.
async fn load(shared: &Shared, delivery: &Delivery) -> Result<Receiver> {
    let Some(instance) = shared.instances.find_by_id(delivery.event.instance).await? else {
        return Ok(None);
    };
    let target = match delivery.sink {
        SinkRef::Webhook(id) => shared.webhooks.find_by_id(id).await?.and_then(|hook| hook.target),
        _ => None,
    };
    Ok(target.map(|target| (instance, target)))
}

fn settled_by(shared: &Shared, delivery: &Delivery, outcome: Outcome) -> Settlement {
    let attempts = delivery.attempts + 1;
    match outcome {
        Outcome::Delivered => Settlement::Delivered,
        Outcome::Failed { reason } => dead(delivery, reason),
        Outcome::Retry { reason, .. } if attempts >= shared.policy.attempts => {
            dead(delivery, reason)
        }
        Outcome::Retry { reason, after } => {
            let policy = &shared.policy;
            let own =
                backoff::pause(policy.first_pause, policy.longest_pause, attempts, &*shared.random);
            let due = shared.clock.now() + own.max(after.unwrap_or_default());
            tracing::debug!(event = %delivery.event.id.0, attempts, reason, %due, "will try again");
            Settlement::Retry { due, reason }
        }
    }
}

fn dead(delivery: &Delivery, reason: String) -> Settlement {
    tracing::warn!(event = %delivery.event.id.0, reason, "delivery given up, kept as a dead letter");
    Settlement::Dead { reason }
}
