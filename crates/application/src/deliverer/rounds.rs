//! Claims what there is room for, round after round, and has it served.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use wharf_domain::{
    Timestamp,
    delivery::{Delivery, SinkRef},
    event::Lane,
    ports::Room,
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
        let claimed = match shared.queue.claim(now, &room).await {
            Ok(claimed) => claimed,
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not claim deliveries");
                pause(shared, STORE_PAUSE).await;
                continue;
            }
        };
        if claimed.is_empty() {
            wait_for_news(shared, now, &room).await;
            continue;
        }
        for ((sink, _), lane) in by_lane(claimed) {
            let (served, settled) = (shared.sinks.serve(sink), settled.clone());
            let shared = shared.clone();
            shared.clone().tasks.spawn(async move {
                serve(&shared, lane, served, &settled).await;
            });
        }
    }
}

/// After a claim at `looked` gave nothing: waits until something was recorded or settled, a lane ended, the next
/// delivery is due or a sink is probed.
async fn wait_for_news(shared: &Shared, looked: Timestamp, room: &Room) {
    let due = shared.queue.next_due(room).await.unwrap_or_else(|e| {
        tracing::error!(error = &e as &dyn std::error::Error, "could not see what is due");
        Some(looked)
    });
    let probe = shared.sinks.next_probe(looked);
    let longest = match due.into_iter().chain(probe).min() {
        // It was due already, and yet it was not given.
        Some(due) if due <= looked => STORE_PAUSE,
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
