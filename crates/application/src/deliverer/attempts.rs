//! One attempt at a delivery, and what follows from how it went.

use std::{sync::Arc, time::Duration};

use wharf_domain::{
    Result, Timestamp,
    delivery::{Attempt, Delivery, Dispatch, Outcome, Settlement, SinkRef},
    webhook::Stopped,
};

use super::{
    Shared,
    addressees::{Addressee, Found},
    sinks::Served,
};
use crate::media::Copied;

/// What came of a turn of a delivery.
pub(super) enum Turn {
    /// The sink was tried. Whom it led to is not known when the attempt panicked.
    Tried(Attempt, Option<Arc<Addressee>>),
    /// The media that is to go along is not there yet; the sink was not tried.
    TooEarly(Timestamp),
    /// There is nobody to deliver to.
    NobodyThere,
    /// Nothing may be sent there at this moment: the sink is disabled, or its receiver has its share.
    NotNow,
}

impl Turn {
    pub(super) fn panicked() -> Self {
        let outcome = Outcome::Retry { reason: "the attempt panicked".to_owned(), after: None };
        Self::Tried(Attempt { status: None, outcome }, None)
    }
}

pub(super) async fn take_turn(
    shared: &Shared,
    delivery: &mut Delivery,
    served: &mut Served,
) -> Result<Turn> {
    let addressee = match shared.addressees.of(delivery).await? {
        Found::Addressee(addressee) => addressee,
        Found::Disabled => return Ok(Turn::NotNow),
        Found::Nobody => return Ok(Turn::NobodyThere),
    };
    if !served.leads_to(&addressee.receiver) {
        return Ok(Turn::NotNow);
    }
    shared.hidden.learn(delivery.event.instance, &mut delivery.event.body).await;
    let Addressee { instance, target, .. } = &*addressee;
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
    let began = shared.clock.now();
    let attempt = shared.webhook_sink.deliver(&dispatch).await;
    let took = (shared.clock.now() - began).to_std().unwrap_or_default();
    shared.meter.webhook_tried(&attempt.outcome, took);
    Ok(Turn::Tried(attempt, Some(addressee)))
}

/// What becomes of a delivery after an attempt. Takes note of what that says of the sink.
pub(super) async fn settled_by(
    shared: &Shared,
    delivery: &Delivery,
    attempt: Attempt,
    addressee: Option<&Addressee>,
) -> Settlement {
    let Attempt { status, outcome } = attempt;
    match outcome {
        Outcome::Delivered => {
            shared.sinks.is_back(delivery.sink);
            Settlement::Delivered { status }
        }
        // It says nothing of the sink.
        Outcome::Failed { reason } => dead(shared, delivery, addressee, status, reason),
        Outcome::Retry { reason, after } => {
            let failure = Failure { status, reason, after, is_refused: false };
            failed(shared, delivery, addressee, failure)
        }
        Outcome::Refused { reason } => {
            let failure = Failure { status, reason, after: None, is_refused: true };
            failed(shared, delivery, addressee, failure)
        }
        Outcome::Gone { reason } => {
            let failure = Failure { status, reason, after: None, is_refused: false };
            gone(shared, delivery, addressee, failure).await
        }
    }
}

/// An attempt that did not work.
struct Failure {
    status: Option<u16>,
    reason: String,
    after: Option<Duration>,
    /// Whether the receiver refuses this very event.
    is_refused: bool,
}

fn failed(
    shared: &Shared,
    delivery: &Delivery,
    addressee: Option<&Addressee>,
    failure: Failure,
) -> Settlement {
    let now = shared.clock.now();
    let away_until = shared.sinks.failed(delivery.sink, &delivery.lane, now);
    let Failure { status, reason, after, is_refused } = failure;
    let attempts = delivery.attempts.saturating_add(1);
    let (after, waited) = (after.unwrap_or_default(), delivery.waited);
    let pause = if away_until.is_some() {
        // It is not this delivery that fails: no time counts, and nothing is given up.
        Duration::ZERO
    } else if let Some(pause) = shared.policy.pause(attempts, waited, is_refused, &*shared.random) {
        pause.max(after)
    } else {
        return dead(shared, delivery, addressee, status, reason);
    };
    let due = away_until.unwrap_or(now + pause).max(now + after);
    let (instance, event) = (delivery.event.instance.0, delivery.event.id.0);
    tracing::debug!(%instance, %event, attempts, reason, %due, "will try again");
    Settlement::Retry { due, pause, status, reason }
}

/// Disables a webhook whose receiver wants nothing more: what waits for it is held from then on, this delivery too.
async fn gone(
    shared: &Shared,
    delivery: &Delivery,
    addressee: Option<&Addressee>,
    failure: Failure,
) -> Settlement {
    let (SinkRef::Webhook(id), Some(receiver)) = (delivery.sink, addressee) else {
        return failed(shared, delivery, addressee, failure);
    };
    let now = shared.clock.now();
    let stopped = Stopped { reason: failure.reason.clone(), at: now };
    let instance = delivery.event.instance.0;
    match shared.webhooks.stop(id, &receiver.target.url, &stopped).await {
        Ok(was_enabled) => {
            shared.addressees.outdate();
            shared.sinks.is_back(delivery.sink);
            if was_enabled {
                let label = receiver.label.as_str();
                tracing::warn!(
                    %instance,
                    label,
                    "the receiver wants nothing more (410): the webhook is disabled, and what waits for it is held \
                     until it gets a URL again or is dropped on request"
                );
            }
            let Failure { status, reason, .. } = failure;
            // It has another URL by now, perhaps: that is tried, but not in a loop.
            let due = now + shared.policy.first_pause;
            Settlement::Retry { due, pause: Duration::ZERO, status, reason }
        }
        Err(e) => {
            let error = &e as &dyn std::error::Error;
            tracing::error!(%instance, error, "could not disable a webhook whose receiver is gone");
            failed(shared, delivery, addressee, failure)
        }
    }
}

fn dead(
    shared: &Shared,
    delivery: &Delivery,
    addressee: Option<&Addressee>,
    status: Option<u16>,
    reason: String,
) -> Settlement {
    shared.meter.dead_letter();
    let (instance, event) = (delivery.event.instance.0, delivery.event.id.0);
    let label = addressee.map(|addressee| addressee.label.as_str());
    let attempts = delivery.attempts.saturating_add(1);
    tracing::warn!(
        %instance,
        %event,
        label,
        attempts,
        reason,
        "delivery given up, kept as a dead letter"
    );
    Settlement::Dead { status, reason }
}
