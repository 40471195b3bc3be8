//! How much of the deliverer each sink and each receiver may take: a share of the lanes, and a pause while nothing gets
//! through.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    delivery::SinkRef,
    event::Lane,
    ports::{Meter, Random, ReceiverId, Room},
};

use crate::{Ports, backoff, recorder::Recorder};

/// How many lanes are served at once.
const LANES: usize = 256;
/// How many lanes the store is asked for at once.
const AT_ONCE: usize = 64;
/// How many deliveries of a lane it is asked for.
const PER_LANE: usize = 16;
/// After failures in so many lanes, and no success in between, the sink itself is taken to be away. One event that a
/// receiver refuses again and again is not enough.
const FAILING_LANES: usize = 8;
/// How long the sink is then left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A sink of which nothing was heard for so long has nothing to deliver, and is forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(2);

/// What is known of the sinks. In memory only: after a restart each begins anew.
pub(crate) struct Sinks {
    known: Mutex<Known>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    recorder: Recorder,
    per_sink: usize,
    per_receiver: usize,
}

#[derive(Default)]
struct Known {
    /// Sinks that are busy or in trouble.
    standings: HashMap<SinkRef, Standing>,
    /// How many lanes are served now, of all sinks.
    serving: usize,
    /// How many lanes are served now of each receiver that is busy.
    busy: HashMap<ReceiverId, usize>,
    /// Where sinks lead, as far as an attempt told.
    receivers: Arc<HashMap<SinkRef, ReceiverId>>,
    /// The numbers that receivers go by here.
    numbers: HashMap<Arc<str>, ReceiverId>,
    last_number: u64,
}

#[derive(Default)]
struct Standing {
    /// How many of its lanes are served now.
    serving: usize,
    /// The lanes in which an attempt failed since the last success.
    failing: HashSet<Lane>,
    /// When the last attempt failed.
    failed_at: Option<Timestamp>,
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
    fn room(&self, now: Timestamp, per_sink: usize) -> usize {
        let share = match &self.away {
            Some(away) if now < away.until => 0,
            Some(_) => 1,
            None => per_sink,
        };
        share.saturating_sub(self.serving)
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.serving == 0 && self.failed_at.is_none_or(|at| now - at > FORGOTTEN_AFTER)
    }
}

impl Known {
    fn number(&mut self, receiver: &Arc<str>) -> ReceiverId {
        let last = &mut self.last_number;
        *self.numbers.entry(receiver.clone()).or_insert_with(|| {
            *last += 1;
            ReceiverId(*last)
        })
    }

    fn enter(&mut self, receiver: ReceiverId) {
        *self.busy.entry(receiver).or_default() += 1;
    }

    fn leave(&mut self, receiver: ReceiverId) {
        if let Some(serving) = self.busy.get_mut(&receiver) {
            *serving -= 1;
            if *serving == 0 {
                self.busy.remove(&receiver);
            }
        }
    }

    /// Whether no other lane of that sink could be served now.
    fn is_full(&self, sink: SinkRef, receiver: Option<ReceiverId>, sinks: &Sinks) -> bool {
        let is_away = self.standings.get(&sink).is_some_and(|one| one.away.is_some());
        is_away || self.is_full_but_for_probes(sink, receiver, sinks)
    }

    fn is_full_but_for_probes(
        &self,
        sink: SinkRef,
        receiver: Option<ReceiverId>,
        sinks: &Sinks,
    ) -> bool {
        let standing = self.standings.get(&sink);
        let serving = receiver.and_then(|receiver| self.busy.get(&receiver)).copied();
        self.serving >= LANES
            || serving.unwrap_or_default() >= sinks.per_receiver
            || standing.is_some_and(|one| one.serving >= sinks.per_sink)
    }

    fn leads_to(&mut self, sink: SinkRef, receiver: Option<ReceiverId>) {
        if self.receivers.get(&sink).copied() == receiver {
            return;
        }
        let receivers = Arc::make_mut(&mut self.receivers);
        let before = match receiver {
            Some(receiver) => receivers.insert(sink, receiver),
            None => receivers.remove(&sink),
        };
        // A number that nothing leads to goes, unless it is in use at this moment: then it goes with a later change.
        if let Some(before) = before
            && !self.busy.contains_key(&before)
            && !self.receivers.values().any(|other| *other == before)
        {
            self.numbers.retain(|_, number| *number != before);
        }
    }
}

/// Whether there is a place for another lane of a sink.
pub(super) enum Seat {
    Free(Served),
    /// Others are served; one that ends is news.
    Taken,
    /// The sink is left alone.
    Away,
}

/// A lane that is served; dropping it makes room for another.
pub(super) struct Served {
    sinks: Arc<Sinks>,
    sink: SinkRef,
    /// Where it leads, and the name of that once an attempt told.
    receiver: Option<ReceiverId>,
    name: Option<Arc<str>>,
}

impl Served {
    /// Takes note of the receiver that the next attempt goes to. False when that has its share already, and nothing may be
    /// sent to it now.
    pub(super) fn leads_to(&mut self, name: &Arc<str>) -> bool {
        if self.name.as_ref() == Some(name) {
            return true;
        }
        let mut known = self.sinks.known();
        let number = known.number(name);
        if self.receiver != Some(number) {
            if let Some(before) = self.receiver.take() {
                known.leave(before);
            }
            known.leads_to(self.sink, Some(number));
            if known.busy.get(&number).copied().unwrap_or_default() >= self.sinks.per_receiver {
                return false;
            }
            known.enter(number);
            self.receiver = Some(number);
        }
        self.name = Some(name.clone());
        true
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut known = self.sinks.known();
        // Where there was room for another lane anyway, this one's end is no news to anybody.
        let is_news = known.is_full(self.sink, self.receiver, &self.sinks);
        known.serving = known.serving.saturating_sub(1);
        if let Some(receiver) = self.receiver {
            known.leave(receiver);
        }
        if let Some(standing) = known.standings.get_mut(&self.sink) {
            standing.serving = standing.serving.saturating_sub(1);
            if standing.serving == 0 && standing.failing.is_empty() {
                known.standings.remove(&self.sink);
            }
        }
        drop(known);
        if is_news {
            self.sinks.recorder.wake_for_room();
        }
    }
}

impl Sinks {
    pub(super) fn new(ports: &Ports, recorder: Recorder, per_receiver: usize) -> Arc<Self> {
        let per_receiver = per_receiver.max(1);
        Arc::new(Self {
            known: Mutex::default(),
            random: ports.random.clone(),
            meter: ports.meter.clone(),
            recorder,
            per_sink: per_receiver.div_ceil(2),
            per_receiver,
        })
    }

    /// What could be served now, whichever lanes are served already.
    pub(super) fn room(&self, now: Timestamp) -> Room {
        let mut known = self.known();
        known.standings.retain(|_, standing| {
            let is_kept = !standing.is_forgotten(now);
            if !is_kept && standing.away.is_some() {
                self.meter.sink_away(false);
            }
            is_kept
        });
        let standings = known.standings.iter();
        let busy = known.busy.iter();
        Room {
            lanes: LANES.saturating_sub(known.serving).min(AT_ONCE),
            per_sink: self.per_sink,
            per_lane: PER_LANE,
            sinks: standings
                .map(|(sink, standing)| (*sink, standing.room(now, self.per_sink)))
                .collect(),
            per_receiver: self.per_receiver,
            busy: busy
                .map(|(receiver, serving)| (*receiver, self.per_receiver.saturating_sub(*serving)))
                .collect(),
            receivers: known.receivers.clone(),
            served: HashSet::new(),
        }
    }

    /// When the first of the pauses that last beyond `now` ends.
    pub(super) fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let known = self.known();
        let until = known.standings.values().filter_map(|one| Some(one.away.as_ref()?.until));
        until.filter(|until| *until > now).min()
    }

    /// Takes one of the sink's places, if there is one.
    pub(super) fn seat(self: &Arc<Self>, sink: SinkRef, now: Timestamp) -> Seat {
        let known = self.known();
        let receiver = known.receivers.get(&sink).copied();
        let standing = known.standings.get(&sink);
        // Once its pause is over, the first that comes probes a sink that is away.
        let is_away = standing.is_some_and(|one| one.away.is_some());
        if is_away && standing.is_some_and(|one| one.room(now, self.per_sink) == 0) {
            return Seat::Away;
        }
        if known.is_full_but_for_probes(sink, receiver, self) {
            return Seat::Taken;
        }
        drop(known);
        Seat::Free(self.serve(sink))
    }

    /// Takes one of the sink's places.
    pub(super) fn serve(self: &Arc<Self>, sink: SinkRef) -> Served {
        let mut known = self.known();
        known.serving += 1;
        known.standings.entry(sink).or_default().serving += 1;
        let receiver = known.receivers.get(&sink).copied();
        if let Some(receiver) = receiver {
            known.enter(receiver);
        }
        Served { sinks: self.clone(), sink, receiver, name: None }
    }

    /// An attempt got through, or the sink is not what it was.
    pub(super) fn is_back(&self, sink: SinkRef) {
        let mut known = self.known();
        let Some(standing) = known.standings.get_mut(&sink) else { return };
        standing.failing.clear();
        standing.failed_at = None;
        if standing.away.take().is_some() {
            self.meter.sink_away(false);
            tracing::info!(?sink, "a sink takes deliveries again");
            self.recorder.wake();
        }
    }

    /// The sink is gone.
    pub(super) fn forget(&self, sink: SinkRef) {
        self.is_back(sink);
        self.recorder.lanes().forget(sink);
        self.known().leads_to(sink, None);
    }

    /// An attempt failed. Says until when the sink is left alone, if it is taken to be away.
    pub(super) fn failed(&self, sink: SinkRef, lane: &Lane, now: Timestamp) -> Option<Timestamp> {
        let mut known = self.known();
        let standing = known.standings.entry(sink).or_default();
        standing.failed_at = Some(now);
        if standing.failing.len() < FAILING_LANES {
            standing.failing.insert(lane.clone());
        }
        let pauses = match &standing.away {
            // What was under way when the pause began says nothing new.
            Some(away) if now < away.until => return Some(away.until),
            Some(away) => away.pauses.saturating_add(1),
            None if standing.failing.len() >= FAILING_LANES => 1,
            None => return None,
        };
        let pause = backoff::pause(FIRST_PAUSE, LONGEST_PAUSE, pauses, &*self.random);
        let until = now + pause;
        if standing.away.replace(Away { pauses, until }).is_none() {
            self.meter.sink_away(true);
        }
        tracing::warn!(?sink, pauses, ?pause, "nothing gets through to a sink, leaving it alone");
        Some(until)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is complete by itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
