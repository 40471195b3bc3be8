//! Serves one lane.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use wharf_domain::delivery::{Delivery, Settlement, SinkLane};

use super::{
    STORE_PAUSE, Shared,
    attempts::{self, Turn},
    pause,
    settling::Settled,
    sinks::Served,
};

/// What becomes of a delivery after its turn.
enum Next {
    /// This, and the lane goes on.
    GoesOn(Settlement),
    /// This, and the lane waits.
    Waits(Settlement),
    /// It waits as it did, and so does the rest of its lane.
    GivenBack,
}

/// Makes the deliveries of a lane one after the other, up to the first that has to wait.
pub(super) async fn serve(
    shared: &Shared,
    lane: SinkLane,
    mut served: Served,
    settled: &mpsc::Sender<Settled>,
) {
    let lanes = shared.recorder.lanes();
    let mut delivery = lanes.next(&lane);
    loop {
        let mut outcome = None;
        if let Some(delivery) = &mut delivery {
            let next = next(shared, delivery, &mut served).await;
            if !matches!(next, Next::GoesOn(_)) {
                lanes.cut(&lane);
            }
            if let Next::GoesOn(settlement) | Next::Waits(settlement) = next {
                outcome = Some((delivery.id, settlement));
            }
        }
        delivery = lanes.next(&lane);
        let ends = delivery.is_none();
        // The settler outlives every lane.
        let _ = settled.send(Settled { lane: lane.clone(), outcome, ends }).await;
        if ends {
            return;
        }
    }
}

/// A panic is a failed attempt.
async fn next(shared: &Shared, delivery: &mut Delivery, served: &mut Served) -> Next {
    if shared.held.is_cancelled() {
        return Next::GivenBack;
    }
    let turn = AssertUnwindSafe(attempts::take_turn(shared, delivery, served)).catch_unwind();
    let turn = match shared.given_up.run_until_cancelled(turn).await {
        Some(Ok(Ok(turn))) => turn,
        Some(Ok(Err(e))) => {
            tracing::error!(error = &e as &dyn std::error::Error, "could not load a sink");
            pause(shared, STORE_PAUSE).await;
            return Next::GivenBack;
        }
        Some(Err(_)) => {
            tracing::error!(event = %delivery.event.id.0, "an attempt at a delivery panicked");
            Turn::panicked()
        }
        None => return Next::GivenBack,
    };
    match turn {
        Turn::Tried(attempt, addressee) => {
            let settlement =
                attempts::settled_by(shared, delivery, attempt, addressee.as_deref()).await;
            match settlement {
                Settlement::Retry { .. } => Next::Waits(settlement),
                _ => Next::GoesOn(settlement),
            }
        }
        Turn::TooEarly(due) => Next::Waits(Settlement::Postponed { due }),
        Turn::NobodyThere => {
            shared.sinks.forget(delivery.sink);
            Next::GoesOn(Settlement::Dropped)
        }
        Turn::NotNow => Next::GivenBack,
    }
}
