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
        // To look costs little, to claim is to write: most rounds follow a lane that ended, and find nothing.
        match shared.queue.next_due(&room).await {
            Ok(Some(due)) if due <= now => {}
            Ok(due) => {
                wait_for_news(shared, now, due).await;
                continue;
            }
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not see what is due");
                pause(shared, STORE_PAUSE).await;
                continue;
            }
        }
        match shared.queue.claim(now, &room).await {
            Ok(claimed) if claimed.is_empty() => {
                // Somebody else has it.
                news_or(shared, STORE_PAUSE).await;
            }
            Ok(claimed) => begin(shared, claimed, settled),
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not claim deliveries");
                pause(shared, STORE_PAUSE).await;
            }
        }
    }
}

/// Has each lane of what was claimed served by itself.
fn begin(shared: &Arc<Shared>, claimed: Vec<Delivery>, settled: &mpsc::Sender<Settled>) {
    for ((sink, _), lane) in by_lane(claimed) {
        let (served, settled) = (shared.sinks.serve(sink), settled.clone());
        let this = shared.clone();
        shared.tasks.spawn(async move { serve(&this, lane, served, &settled).await });
    }
}

/// After a look at `looked`: waits until something was recorded or settled, a lane ended, the next delivery is due or a
/// sink is probed.
async fn wait_for_news(shared: &Shared, looked: Timestamp, due: Option<Timestamp>) {
    let probe = shared.sinks.next_probe(looked);
    let longest = due
        .into_iter()
        .chain(probe)
        .min()
        .map_or(IDLE, |due| (due - shared.clock.now()).to_std().unwrap_or_default().min(IDLE));
    news_or(shared, longest).await;
}

async fn news_or(shared: &Shared, longest: Duration) {
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
