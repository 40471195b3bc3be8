//! Claims what there is room for, round after round, and has it served.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use wharf_domain::{
    Timestamp,
    delivery::{Delivery, SinkRef},
    event::Lane,
};

use super::{
    STORE_PAUSE, Shared,
    lane::{LaneRun, serve},
    pause,
    settling::Settled,
};

/// How long to wait for news before looking all the same.
const IDLE: Duration = Duration::from_secs(30);

pub(super) async fn run(shared: &Arc<Shared>, settled: &mpsc::Sender<Settled>) {
    while !shared.held.is_cancelled() {
        let now = shared.clock.now();
        let room = shared.sinks.room(now);
        if room.lanes == 0 {
            // A lane that ends is news.
            shared.held.run_until_cancelled(shared.recorder.recorded()).await;
            continue;
        }
        match shared.queue.claim(now, &room).await {
            Ok(claimed) if claimed.is_empty() => wait_for_news(shared, now, STORE_PAUSE).await,
            Ok(claimed) => {
                let lanes = begin(shared, claimed, settled);
                if lanes < room.lanes {
                    // That was all, most likely: to see that costs less than another claim.
                    wait_for_news(shared, now, Duration::ZERO).await;
                }
            }
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not claim deliveries");
                pause(shared, STORE_PAUSE).await;
            }
        }
    }
}

/// Has each lane of what was claimed served by itself. Says how many there are.
fn begin(shared: &Arc<Shared>, claimed: Vec<Delivery>, settled: &mpsc::Sender<Settled>) -> usize {
    let lanes = by_lane(claimed);
    let count = lanes.len();
    for ((sink, _), lane) in lanes {
        let (served, settled) = (shared.sinks.serve(sink), settled.clone());
        let this = shared.clone();
        shared.tasks.spawn(async move { serve(&this, lane, served, &settled).await });
    }
    count
}

/// After a claim at `looked`: waits until something was recorded or settled, a lane ended for which others wait, the next
/// delivery is due or a sink is probed; so long if there is something due already.
async fn wait_for_news(shared: &Shared, looked: Timestamp, if_due: Duration) {
    let room = shared.sinks.room(looked);
    let due = match shared.queue.next_due(&room).await {
        Ok(due) => due,
        Err(e) => {
            tracing::error!(error = &e as &dyn std::error::Error, "could not see what is due");
            pause(shared, STORE_PAUSE).await;
            return;
        }
    };
    let probe = shared.sinks.next_probe(looked);
    let longest = match due.into_iter().chain(probe).min() {
        Some(due) if due <= looked && if_due.is_zero() => return,
        Some(due) if due <= looked => if_due,
        Some(due) => (due - shared.clock.now()).to_std().unwrap_or_default().min(IDLE),
        None => IDLE,
    };
    tokio::select! {
        () = shared.recorder.recorded() => {}
        () = pause(shared, longest) => {}
    }
}

/// In the order of their heads.
fn by_lane(claimed: Vec<Delivery>) -> Vec<((SinkRef, Lane), LaneRun)> {
    let mut lanes: Vec<((SinkRef, Lane), LaneRun)> = Vec::new();
    let mut places: HashMap<(SinkRef, Lane), usize> = HashMap::new();
    for delivery in claimed {
        let key = (delivery.sink, delivery.lane.clone());
        let place = *places.entry(key.clone()).or_insert_with(|| {
            lanes.push((key, LaneRun::new()));
            lanes.len() - 1
        });
        lanes[place].1.push(delivery);
    }
    lanes
}
