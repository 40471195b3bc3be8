//! Writes what became of deliveries.

use std::collections::HashSet;

use tokio::sync::mpsc;
use wharf_domain::{
    Result,
    delivery::{DeliveryId, Settlement, SinkLane},
};

use super::{STORE_PAUSE, Shared, lanes::Ended};

/// As many as are written in one step.
const AT_ONCE: usize = 512;

/// What a lane hands to the settler.
pub(super) struct Settled {
    pub(super) lane: SinkLane,
    pub(super) outcome: Option<(DeliveryId, Settlement)>,
    /// Nothing more of the lane is under way.
    pub(super) ends: bool,
}

/// What lanes handed over and is not written yet.
pub(super) struct Desk {
    incoming: mpsc::Receiver<Settled>,
    settlements: Vec<(DeliveryId, Settlement)>,
    /// The lanes that are served no more, and whether their last delivery is among those to be settled.
    ended: Vec<(SinkLane, bool)>,
}

impl Desk {
    pub(super) fn new(incoming: mpsc::Receiver<Settled>) -> Self {
        Self { incoming, settlements: Vec::new(), ended: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.settlements.is_empty() && self.ended.is_empty()
    }

    /// Waits for something; false when nothing can come any more.
    async fn fill(&mut self) -> bool {
        let mut batch = Vec::new();
        self.incoming.recv_many(&mut batch, AT_ONCE).await;
        for Settled { lane, outcome, ends } in batch {
            if ends {
                self.ended.push((lane, outcome.is_some()));
            }
            self.settlements.extend(outcome);
        }
        !self.is_empty()
    }
}

/// Writes settlements, many in one step while the store is busy with the step before. What a crash keeps from being
/// written is delivered once more, under the same id. What is on the desk when this begins anew is written first: to
/// write something twice does no harm, since what does not wait is passed over.
pub(super) async fn settle(shared: &Shared, desk: &mut Desk) {
    while !desk.is_empty() || desk.fill().await {
        let lanes = shared.recorder.lanes();
        let mut waiting = HashSet::new();
        if !desk.settlements.is_empty() {
            waiting.extend(insist(shared, || shared.queue.settle(&desk.settlements)).await);
            desk.settlements.clear();
        }
        let (mut is_more, mut is_expected) = (false, false);
        for (lane, is_settled) in desk.ended.drain(..) {
            // Of one that was given back nobody has said what waits in it.
            match lanes.end(&lane, waiting.contains(&lane) || !is_settled) {
                Ended::Known => {}
                Ended::Ask => is_more = true,
                Ended::Expect => is_expected = true,
            }
        }
        if is_expected {
            shared.recorder.wake_later();
        }
        if is_more {
            shared.recorder.wake();
        } else if lanes.has_ready() {
            shared.recorder.nudge();
        }
    }
}

/// Writes until it works, or the gateway has no time left to close while the store fails: then what was delivered is
/// delivered once more after the next start.
async fn insist<F>(shared: &Shared, write: impl Fn() -> F) -> Vec<SinkLane>
where
    F: Future<Output = Result<Vec<SinkLane>>>,
{
    loop {
        let error = match write().await {
            Ok(waiting) => return waiting,
            Err(error) => error,
        };
        tracing::error!(error = &error as &dyn std::error::Error, "could not settle deliveries");
        let pause = shared.clock.sleep(STORE_PAUSE);
        if shared.given_up.run_until_cancelled(pause).await.is_none() {
            return Vec::new();
        }
    }
}
