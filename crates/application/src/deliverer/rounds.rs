//! Serves what there is room for, round after round: what came straight from the log, and what the store has.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use wharf_domain::{Result, Timestamp, delivery::SinkLane};

use super::{
    STORE_PAUSE, Shared,
    lane::serve,
    lanes::Place,
    pause,
    settling::Settled,
    sinks::{Seat, Served},
};

/// How long to wait for news before looking all the same.
const IDLE: Duration = Duration::from_secs(30);

/// How long to wait for what was recorded and is about to be told, before looking for it; and for what was missed by the look
/// that somebody asked for.
const EXPECTED: Duration = Duration::from_secs(1);

/// What the store has that is not served, as it was last seen.
struct Outlook {
    /// Something there is due, or will be, for which there was no room.
    is_behind: bool,
    /// When to look again.
    look_at: Timestamp,
}

pub(super) async fn run(shared: &Arc<Shared>, settled: &mpsc::Sender<Settled>) {
    let mut outlook = None;
    while !shared.held.is_cancelled() {
        let now = shared.clock.now();
        let news = shared.recorder.news();
        let look = match &outlook {
            None => true,
            Some(Outlook { is_behind, look_at }) => {
                // It is further away than it can be only when the clock was put back.
                let is_time = *look_at <= now || *look_at > now + IDLE;
                news.of_the_store || *is_behind && news.of_room || is_time
            }
        };
        if look {
            outlook = match look_round(shared, now, settled).await {
                Ok(outlook) => outlook,
                Err(e) => {
                    tracing::error!(
                        error = &e as &dyn std::error::Error,
                        "could not see what is due"
                    );
                    pause(shared, STORE_PAUSE).await;
                    None
                }
            };
        }
        let is_behind = outlook.as_ref().is_none_or(|outlook| outlook.is_behind);
        serve_ready(shared, now, is_behind, settled);
        // Whoever looked while a lane was just ending did not look for what waits in that.
        if let Some(Outlook { look_at, .. }) = &mut outlook
            && (news.of_the_store || news.of_what_is_expected)
        {
            *look_at = (now + EXPECTED).min(*look_at);
        }
        if let Some(Outlook { look_at, .. }) = &outlook {
            let longest = (*look_at - shared.clock.now()).to_std().unwrap_or_default().min(IDLE);
            tokio::select! {
                () = shared.recorder.told() => {}
                () = pause(shared, longest) => {}
            }
        }
    }
}

/// Has served what of the store is due, as far as there is room for it. `None` when there may be more that there is room for.
async fn look_round(
    shared: &Arc<Shared>,
    now: Timestamp,
    settled: &mpsc::Sender<Settled>,
) -> Result<Option<Outlook>> {
    let lanes = shared.recorder.lanes();
    let mut room = shared.sinks.room(now);
    room.served = lanes.known();
    let given = match room.lanes {
        0 => Vec::new(),
        _ => shared.queue.due(now, &room).await?,
    };
    let begun = lanes.begin(given);
    for lane in &begun {
        let served = shared.sinks.serve(lane.sink);
        begin(shared, lane.clone(), served, settled);
    }
    if !begun.is_empty() && begun.len() == room.lanes {
        return Ok(None);
    }
    let heads = shared.queue.heads(&lanes.known()).await?;
    let room = shared.sinks.room(now);
    let with_room = heads.iter().filter(|(sink, _)| room.for_sink(*sink) > 0).map(|(_, due)| *due);
    let next = with_room.chain(shared.sinks.next_probe(now)).min();
    // What is due already, and was not given although there is room, is just changing hands.
    let soon = if begun.is_empty() { now + STORE_PAUSE } else { now };
    let look_at = next.map_or(now + IDLE, |next| next.max(soon).min(now + IDLE));
    let is_behind = heads.iter().any(|(sink, due)| *due <= now || room.for_sink(*sink) == 0);
    Ok(Some(Outlook { is_behind, look_at }))
}

/// Has served what came straight from the log, as far as there is room for it. What a sink that is away has of that is
/// found in the store when it is probed; and where something there waits for room, this waits there with it, by age.
fn serve_ready(
    shared: &Arc<Shared>,
    now: Timestamp,
    is_behind: bool,
    settled: &mpsc::Sender<Settled>,
) {
    shared.recorder.lanes().serve_ready(|lane| match shared.sinks.seat(lane.sink, now) {
        Seat::Free(served) => {
            begin(shared, lane.clone(), served, settled);
            Place::Taken
        }
        Seat::Taken if !is_behind => Place::NotNow,
        Seat::Taken | Seat::Away => Place::Away,
    });
}

fn begin(shared: &Arc<Shared>, lane: SinkLane, served: Served, settled: &mpsc::Sender<Settled>) {
    let (this, settled) = (shared.clone(), settled.clone());
    shared.tasks.spawn(async move {
        let serving = AssertUnwindSafe(serve(&this, lane.clone(), served, &settled));
        if serving.catch_unwind().await.is_err() {
            tracing::error!("a lane was given up in a panic and begins anew");
            this.recorder.lanes().cut(&lane);
            // The settler outlives every lane.
            let _ = settled.send(Settled { lane, outcome: None, ends: true }).await;
        }
    });
}
