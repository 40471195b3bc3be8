use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use tokio::sync::watch;
use wharf_domain::{
    delivery::{Attempt, Dispatch, MediaCopy, Outcome, Probe},
    event::{Event, EventId},
    instance::InstanceName,
    ports::EventSink,
    token::Token,
    webhook::WebhookTarget,
};

/// One attempt at a delivery, as the sink saw it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The event.
    pub event: Event,
    /// The name of its instance.
    pub instance: InstanceName,
    /// The token of its instance.
    pub token: Token,
    /// Where it was to go.
    pub target: WebhookTarget,
    /// What it was told of the event's media.
    pub media: Option<MediaCopy>,
    /// What the sink answered.
    pub outcome: Outcome,
}

/// One attempt at a test event, as the sink saw it.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The id it goes by.
    pub id: EventId,
    /// The name of the instance.
    pub instance: InstanceName,
    /// The token of the instance.
    pub token: Token,
    /// Where it was to go.
    pub target: WebhookTarget,
}

type Rule = Box<dyn Fn(&Dispatch<'_>) -> Option<Outcome> + Send>;

/// A sink that keeps what it is given and answers as it was told to, `Delivered` otherwise. The status is one that goes
/// with the outcome.
#[derive(Default)]
pub struct RecordingSink {
    plan: Mutex<Plan>,
    recorded: watch::Sender<Vec<Recorded>>,
    probed: Mutex<Vec<Probed>>,
}

#[derive(Default)]
struct Plan {
    next: VecDeque<Outcome>,
    rule: Option<Rule>,
}

impl RecordingSink {
    /// Answers the next attempt that no earlier call of this spoke of with `outcome`.
    pub fn answer_next(&self, outcome: Outcome) {
        self.plan().next.push_back(outcome);
    }

    /// From now on answers every attempt for which `rule` has an outcome with that, as long as no `answer_next` is
    /// left.
    pub fn answer_by(&self, rule: impl Fn(&Dispatch<'_>) -> Option<Outcome> + Send + 'static) {
        self.plan().rule = Some(Box::new(rule));
    }

    /// All attempts so far.
    #[must_use]
    pub fn attempts(&self) -> Vec<Recorded> {
        self.recorded.borrow().clone()
    }

    /// All attempts at test events so far.
    #[must_use]
    pub fn probes(&self) -> Vec<Probed> {
        self.probed.lock().expect("no step panics").clone()
    }

    /// The events that were delivered, in that order.
    #[must_use]
    pub fn delivered(&self) -> Vec<Event> {
        let recorded = self.recorded.borrow();
        let delivered = recorded.iter().filter(|one| one.outcome == Outcome::Delivered);
        delivered.map(|one| one.event.clone()).collect()
    }

    /// Returns once there were at least `count` attempts.
    pub async fn until_attempts(&self, count: usize) -> Vec<Recorded> {
        let mut recorded = self.recorded.subscribe();
        recorded.wait_for(|all| all.len() >= count).await.expect("the sender is ours").clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no rule panics")
    }
}

#[async_trait]
impl EventSink for RecordingSink {
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Attempt {
        let outcome = {
            let mut plan = self.plan();
            let planned = plan.next.pop_front();
            planned
                .or_else(|| plan.rule.as_ref().and_then(|rule| rule(dispatch)))
                .unwrap_or(Outcome::Delivered)
        };
        let recorded = Recorded {
            event: dispatch.event.clone(),
            instance: dispatch.instance.clone(),
            token: dispatch.token.clone(),
            target: dispatch.target.clone(),
            media: dispatch.media.cloned(),
            outcome: outcome.clone(),
        };
        self.recorded.send_modify(|all| all.push(recorded));
        attempt(outcome)
    }

    async fn probe(&self, probe: &Probe<'_>) -> Attempt {
        let outcome = self.plan().next.pop_front().unwrap_or(Outcome::Delivered);
        let probed = Probed {
            id: probe.id,
            instance: probe.instance.clone(),
            token: probe.token.clone(),
            target: probe.target.clone(),
        };
        self.probed.lock().expect("no step panics").push(probed);
        attempt(outcome)
    }
}

/// With a status that a receiver would have given it.
fn attempt(outcome: Outcome) -> Attempt {
    let status = match outcome {
        Outcome::Delivered => Some(200),
        Outcome::Retry { .. } => Some(503),
        Outcome::Refused { .. } => Some(400),
        Outcome::Gone { .. } => Some(410),
        Outcome::Failed { .. } => None,
    };
    Attempt { status, outcome }
}
