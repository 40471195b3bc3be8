use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use tokio::sync::watch;
use wharf_domain::{
    delivery::{Dispatch, MediaCopy, Outcome},
    event::Event,
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

type Rule = Box<dyn Fn(&Dispatch<'_>) -> Option<Outcome> + Send>;

/// A sink that keeps what it is given and answers as it was told to, `Delivered` otherwise.
#[derive(Default)]
pub struct RecordingSink {
    plan: Mutex<Plan>,
    recorded: watch::Sender<Vec<Recorded>>,
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
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Outcome {
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
        outcome
    }
}
