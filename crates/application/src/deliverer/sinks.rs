//! How much of the deliverer each sink may take: a share of the lanes, and a pause while nothing gets through.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use wharf_domain::{
    Timestamp,
    delivery::SinkRef,
    event::Lane,
    ports::{Random, Room},
};

use crate::{backoff, recorder::Recorder};

/// How many lanes are served at once.
const LANES: usize = 64;
/// How many lanes of one sink are served at once, so that a slow one leaves room for the others.
const PER_SINK: usize = 8;
/// How many deliveries of a lane are claimed at once.
const PER_LANE: usize = 32;
/// After failures in so many lanes, and no success in between, the sink itself is taken to be away. One event that a
/// receiver refuses again and again is not enough.
const FAILING_LANES: usize = 8;
/// How long the sink is then left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What is known of the sinks. In memory only: after a restart each begins anew.
pub(super) struct Sinks {
    known: Mutex<HashMap<SinkRef, Standing>>,
    random: Arc<dyn Random>,
    recorder: Recorder,
}

#[derive(Default)]
struct Standing {
    /// How many of its lanes are served now.
    serving: usize,
    /// The lanes in which an attempt failed since the last success.
    failing: HashSet<Lane>,
    /// Set while the sink is taken to be away.
    away: Option<Away>,
}

struct Away {
    /// How often it was left alone.
    pauses: u32,
    /// From then on one lane probes it.
    until: Timestamp,
}

impl Standing {
    fn room(&self, now: Timestamp) -> usize {
        let share = match &self.away {
            Some(away) if now < away.until => 0,
            Some(_) => 1,
            None => PER_SINK,
        };
        share.saturating_sub(self.serving)
    }
}

/// A lane that is served; dropping it makes room for another.
pub(super) struct Served {
    sinks: Arc<Sinks>,
    sink: SinkRef,
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut known = self.sinks.known();
        if let Some(standing) = known.get_mut(&self.sink) {
            standing.serving = standing.serving.saturating_sub(1);
            if standing.serving == 0 && standing.failing.is_empty() {
                known.remove(&self.sink);
            }
        }
        drop(known);
        self.sinks.recorder.wake();
    }
}

impl Sinks {
    pub(super) fn new(random: Arc<dyn Random>, recorder: Recorder) -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), random, recorder })
    }

    /// What could be served at once if it were claimed now.
    pub(super) fn room(&self, now: Timestamp) -> Room {
        let known = self.known();
        let serving: usize = known.values().map(|standing| standing.serving).sum();
        Room {
            lanes: LANES.saturating_sub(serving),
            per_sink: PER_SINK,
            per_lane: PER_LANE,
            sinks: known.iter().map(|(sink, standing)| (*sink, standing.room(now))).collect(),
        }
    }

    /// When the first of the pauses that last beyond `now` ends.
    pub(super) fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let known = self.known();
        let until = known.values().filter_map(|standing| Some(standing.away.as_ref()?.until));
        until.filter(|until| *until > now).min()
    }

    /// Takes one of the sink's places.
    pub(super) fn serve(self: &Arc<Self>, sink: SinkRef) -> Served {
        self.known().entry(sink).or_default().serving += 1;
        Served { sinks: self.clone(), sink }
    }

    /// An attempt got through, or the sink is not what it was.
    pub(super) fn is_back(&self, sink: SinkRef) {
        let mut known = self.known();
        if let Some(standing) = known.get_mut(&sink) {
            standing.failing.clear();
            if standing.away.take().is_some() {
                tracing::info!(?sink, "a sink takes deliveries again");
            }
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&self, sink: SinkRef, lane: &Lane, now: Timestamp) {
        let mut known = self.known();
        let standing = known.entry(sink).or_default();
        if standing.failing.len() < FAILING_LANES {
            standing.failing.insert(lane.clone());
        }
        let pauses = match &standing.away {
            // What was under way when the pause began says nothing new.
            Some(away) if now < away.until => return,
            Some(away) => away.pauses.saturating_add(1),
            None if standing.failing.len() >= FAILING_LANES => 1,
            None => return,
        };
        let pause = backoff::pause(FIRST_PAUSE, LONGEST_PAUSE, pauses, &*self.random);
        standing.away = Some(Away { pauses, until: now + pause });
        tracing::warn!(?sink, pauses, ?pause, "nothing gets through to a sink, leaving it alone");
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SinkRef, Standing>> {
        // Each change is complete by itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
