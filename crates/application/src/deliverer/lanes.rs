//! The lanes that are known to memory: what is being delivered of them, and what waits right behind it.
//!
//! All that waits here waits in the store, too, which alone says what there is: whatever is forgotten here is found there. It
//! saves asking the store for what was written to it a moment ago.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use wharf_domain::{
    delivery::{Delivery, SinkLane, SinkRef},
    event::Event,
    ports::Queued,
};

/// Nothing is taken in that the store did not give while so many deliveries wait here.
const AHEAD: usize = 1024;
/// The same of one sink, so that one that is slow leaves room for the others.
const AHEAD_OF_SINK: usize = 64;

#[derive(Default)]
pub(crate) struct Lanes(Mutex<State>);

#[derive(Default)]
struct State {
    lines: HashMap<SinkLane, Line>,
    /// The lines that wait to be served.
    ready: VecDeque<SinkLane>,
    ahead: Ahead,
    /// The last sequence of each sink that the store was asked for. What came before it may have been delivered and settled
    /// when whoever recorded it comes to tell of it.
    asked_for: HashMap<SinkRef, i64>,
}

/// How many deliveries wait here.
#[derive(Default)]
struct Ahead {
    all: usize,
    of_sinks: HashMap<SinkRef, usize>,
}

/// Whether a line can be served.
pub(super) enum Place {
    /// It is.
    Taken,
    /// It waits for others to be done.
    NotNow,
    /// Its sink is left alone for a while, and there is nothing to wait for.
    Away,
}

/// What is to be done about a lane that is served no more.
#[derive(Debug, PartialEq)]
pub(super) enum Ended {
    /// Nothing: what waits in it, if anything, is known.
    Known,
    /// The store is to be asked for what waits in it.
    Ask,
    /// What waits in it is about to be told. Should it not be, the store is to be asked after a while.
    Expect,
}

/// How far a lane is.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// It waits to be served.
    Ready,
    Served,
    /// By the store something waits in it, of which whoever recorded it has yet to tell.
    Expecting,
}

/// A lane as far as it is known.
struct Line {
    waiting: VecDeque<Delivery>,
    /// The sequence of the last delivery that came to wait here.
    last: i64,
    stage: Stage,
    /// The store gave what was due of it, and may have more.
    is_from_store: bool,
    /// Something of it was forgotten: the store has to be asked once it is not served any more.
    is_cut: bool,
}

impl Line {
    fn new(last: i64) -> Self {
        Self {
            waiting: VecDeque::new(),
            last,
            stage: Stage::Ready,
            is_from_store: false,
            is_cut: false,
        }
    }
}

impl Ahead {
    fn has_room(&self, sink: SinkRef) -> bool {
        let of_sink = self.of_sinks.get(&sink).copied().unwrap_or_default();
        self.all < AHEAD && of_sink < AHEAD_OF_SINK
    }

    fn add(&mut self, sink: SinkRef, count: usize) {
        self.all += count;
        *self.of_sinks.entry(sink).or_default() += count;
    }

    fn remove(&mut self, sink: SinkRef, count: usize) {
        self.all -= count;
        if let Some(of_sink) = self.of_sinks.get_mut(&sink) {
            *of_sink -= count;
            if *of_sink == 0 {
                self.of_sinks.remove(&sink);
            }
        }
    }
}

impl State {
    /// Takes in what was just queued where it comes next in its lane. False when the store has to be asked for it.
    fn offer(&mut self, delivery: Delivery, after: Option<i64>) -> bool {
        let (key, sequence) = (delivery.sink_lane(), delivery.event.sequence);
        let Some(line) = self.lines.get_mut(&key) else {
            if after.is_some() {
                // What it waits for may be in the store alone.
                return false;
            }
            let may_be_done = self.asked_for.get(&key.sink).is_some_and(|last| sequence <= *last);
            if may_be_done || !self.ahead.has_room(key.sink) {
                return false;
            }
            self.ahead.add(key.sink, 1);
            let waiting = VecDeque::from([delivery]);
            let line = Line { waiting, ..Line::new(sequence) };
            self.ready.push_back(key.clone());
            self.lines.insert(key, line);
            return true;
        };
        if line.is_cut || sequence <= line.last {
            return true;
        }
        // A lane that waits for nothing but what is about to be told has nothing older.
        let is_expecting = line.stage == Stage::Expecting;
        let is_gap = |after| if is_expecting { after != line.last } else { after > line.last };
        if after.is_some_and(is_gap) || !self.ahead.has_room(key.sink) {
            line.is_cut = true;
            if is_expecting {
                self.lines.remove(&key);
                return false;
            }
            return true;
        }
        self.ahead.add(key.sink, 1);
        line.last = sequence;
        // What it waits for is known, so the store has nothing that is not.
        line.is_from_store = false;
        line.waiting.push_back(delivery);
        if is_expecting {
            line.stage = Stage::Ready;
            self.ready.push_back(key);
        }
        true
    }

    /// Forgets what waits in a lane, and the lane itself unless it is served.
    fn cut(&mut self, key: &SinkLane) {
        let Some(line) = self.lines.get_mut(key) else { return };
        line.is_cut = true;
        self.ahead.remove(key.sink, line.waiting.len());
        line.waiting.clear();
        if line.stage != Stage::Served {
            self.lines.remove(key);
            self.ready.retain(|other| other != key);
        }
    }
}

impl Lanes {
    /// Takes note of what an event put into the queue. False when the store has to be asked for some of it.
    pub(crate) fn offer(&self, event: &Event, queued: &Queued) -> bool {
        let mut state = self.state();
        let mut all = true;
        for one in &queued.deliveries {
            let delivery = Delivery {
                id: one.id,
                sink: one.sink,
                lane: event.body.lane(),
                attempts: 0,
                waited: std::time::Duration::ZERO,
                event: event.clone(),
            };
            all &= state.offer(delivery, one.after);
        }
        all
    }

    /// The lanes of which is known what waits in them, for whoever asks the store for others.
    pub(super) fn known(&self) -> HashSet<SinkLane> {
        let state = self.state();
        let known = state.lines.iter().filter(|(_, line)| line.stage != Stage::Expecting);
        known.map(|(key, _)| key.clone()).collect()
    }

    /// Takes in what the store gave, to be served now, and gives the lanes in the order of their heads. A lane that came to be
    /// known while the store was asked goes on as it is.
    pub(super) fn begin(&self, given: Vec<Delivery>) -> Vec<SinkLane> {
        let mut state = self.state();
        let State { lines, ahead, asked_for, .. } = &mut *state;
        let mut lanes: Vec<SinkLane> = Vec::new();
        let mut begun = HashSet::new();
        for delivery in given {
            let (key, sequence) = (delivery.sink_lane(), delivery.event.sequence);
            if !begun.contains(&key) {
                if lines.get(&key).is_some_and(|line| line.stage != Stage::Expecting) {
                    continue;
                }
                lines.remove(&key);
                lanes.push(key.clone());
                begun.insert(key.clone());
            }
            let last = asked_for.entry(key.sink).or_default();
            *last = sequence.max(*last);
            ahead.add(key.sink, 1);
            let line = lines.entry(key).or_insert_with(|| Line {
                stage: Stage::Served,
                is_from_store: true,
                ..Line::new(sequence)
            });
            line.last = sequence;
            line.waiting.push_back(delivery);
        }
        lanes
    }

    /// Finds places for the lines that wait to be served, in the order in which they came.
    pub(super) fn serve_ready(&self, mut place: impl FnMut(&SinkLane) -> Place) {
        let ready = std::mem::take(&mut self.state().ready);
        let mut left = VecDeque::new();
        for key in ready {
            // Marked before it begins: it may be over at once.
            if !self.take(&key) {
                continue;
            }
            match place(&key) {
                Place::Taken => {}
                Place::NotNow => {
                    self.give_back(&key);
                    left.push_back(key);
                }
                Place::Away => {
                    self.give_back(&key);
                    self.cut(&key);
                }
            }
        }
        let mut state = self.state();
        left.append(&mut state.ready);
        state.ready = left;
    }

    /// False when it is not known any more, or is served already.
    fn take(&self, key: &SinkLane) -> bool {
        let mut state = self.state();
        let line = state.lines.get_mut(key).filter(|line| line.stage == Stage::Ready);
        line.map(|line| line.stage = Stage::Served).is_some()
    }

    fn give_back(&self, key: &SinkLane) {
        if let Some(line) = self.state().lines.get_mut(key) {
            line.stage = Stage::Ready;
        }
    }

    /// Whether a line waits to be served.
    pub(super) fn has_ready(&self) -> bool {
        !self.state().ready.is_empty()
    }

    /// The next delivery of a lane that is served.
    pub(super) fn next(&self, key: &SinkLane) -> Option<Delivery> {
        let mut state = self.state();
        let next = state.lines.get_mut(key)?.waiting.pop_front()?;
        state.ahead.remove(key.sink, 1);
        Some(next)
    }

    /// Forgets what waits in a lane that has to wait itself, or that there is no place for.
    pub(super) fn cut(&self, key: &SinkLane) {
        self.state().cut(key);
    }

    /// Forgets what waits for a sink: it may be dropped, or to go elsewhere.
    pub(crate) fn cut_all_of(&self, sink: SinkRef) {
        let mut state = self.state();
        let keys: Vec<_> = state.lines.keys().filter(|key| key.sink == sink).cloned().collect();
        for key in keys {
            state.cut(&key);
        }
    }

    /// Forgets a sink that is gone.
    pub(crate) fn forget(&self, sink: SinkRef) {
        self.cut_all_of(sink);
        self.state().asked_for.remove(&sink);
    }

    /// A lane is served no more, what became of its deliveries is stored, and by that something waits in it or not. What
    /// came meanwhile waits to be served.
    pub(super) fn end(&self, key: &SinkLane, something_waits: bool) -> Ended {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(key) else { return Ended::Ask };
        line.stage = Stage::Ready;
        if !line.waiting.is_empty() {
            state.ready.push_back(key.clone());
            return Ended::Known;
        }
        if something_waits && !line.is_cut && !line.is_from_store {
            line.stage = Stage::Expecting;
            return Ended::Expect;
        }
        let is_cut = line.is_cut;
        state.lines.remove(key);
        if is_cut || something_waits { Ended::Ask } else { Ended::Known }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use wharf_domain::{
        delivery::DeliveryId,
        event::{EventBody, EventId},
        instance::InstanceId,
        ports::QueuedDelivery,
        state::StateChange,
        webhook::WebhookId,
    };

    use super::*;

    const SINK: SinkRef = SinkRef::Webhook(WebhookId(Uuid::from_u128(1)));

    fn event(sequence: i64) -> Event {
        Event {
            id: EventId(Uuid::from_u128(u128::try_from(sequence).unwrap())),
            instance: InstanceId(Uuid::nil()),
            sequence,
            recorded_at: wharf_domain::Timestamp::UNIX_EPOCH,
            body: EventBody::State(StateChange::StreamReplaced),
        }
    }

    /// All of them are in one lane of a sink.
    fn offer_to(lanes: &Lanes, sink: SinkRef, sequence: i64, after: Option<i64>) -> bool {
        let event = event(sequence);
        let id = DeliveryId(event.id.0);
        let deliveries = vec![QueuedDelivery { id, sink, after }];
        lanes.offer(&event, &Queued { sequence, deliveries })
    }

    fn offer(lanes: &Lanes, sequence: i64, after: Option<i64>) -> bool {
        offer_to(lanes, SINK, sequence, after)
    }

    fn delivery(sequence: i64) -> Delivery {
        let event = event(sequence);
        Delivery {
            id: DeliveryId(event.id.0),
            sink: SINK,
            lane: event.body.lane(),
            attempts: 0,
            waited: std::time::Duration::ZERO,
            event,
        }
    }

    fn key() -> SinkLane {
        delivery(1).sink_lane()
    }

    /// Finds a place for everything, and says for how many lines.
    fn serve_all(lanes: &Lanes) -> usize {
        let mut served = 0;
        lanes.serve_ready(|_| {
            served += 1;
            Place::Taken
        });
        served
    }

    fn next(lanes: &Lanes) -> Option<i64> {
        lanes.next(&key()).map(|delivery| delivery.event.sequence)
    }

    #[test]
    fn what_is_recorded_one_after_the_other_is_served_in_one_go() {
        let lanes = Lanes::default();
        assert!(offer(&lanes, 1, None));
        assert!(offer(&lanes, 2, Some(1)));
        assert_eq!(serve_all(&lanes), 1);
        assert_eq!(next(&lanes), Some(1));
        assert!(offer(&lanes, 5, Some(2)));
        assert_eq!([next(&lanes), next(&lanes), next(&lanes)], [Some(2), Some(5), None]);
        assert_eq!(lanes.end(&key(), false), Ended::Known);
        assert!(lanes.known().is_empty());
    }

    #[test]
    fn what_comes_while_the_last_is_settled_is_served_once_that_is_done() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        serve_all(&lanes);
        assert_eq!([next(&lanes), next(&lanes)], [Some(1), None]);
        assert!(offer(&lanes, 2, Some(1)));
        assert_eq!(serve_all(&lanes), 0);
        assert_eq!(lanes.end(&key(), true), Ended::Known, "the one that waits is known");
        assert!(lanes.has_ready());
        assert_eq!(serve_all(&lanes), 1);
        assert_eq!(next(&lanes), Some(2));
    }

    #[test]
    fn what_is_stored_and_not_told_yet_is_waited_for() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        serve_all(&lanes);
        assert_eq!([next(&lanes), next(&lanes)], [Some(1), None]);
        assert_eq!(lanes.end(&key(), true), Ended::Expect);
        assert!(lanes.known().is_empty(), "whoever asks the store is given it");
        // It may stand in the line twice, after it was forgotten and came to be known again.
        lanes.state().ready.push_back(key());
        assert_eq!(serve_all(&lanes), 0);
        assert!(offer(&lanes, 2, Some(1)));
        assert_eq!(serve_all(&lanes), 1);
        assert_eq!([next(&lanes), next(&lanes)], [Some(2), None]);
        // Or the store is asked first.
        assert_eq!(lanes.end(&key(), true), Ended::Expect);
        assert_eq!(lanes.begin(vec![delivery(3)]), [key()]);
        assert!(offer(&lanes, 3, Some(2)));
        assert_eq!([next(&lanes), next(&lanes)], [Some(3), None]);
        assert_eq!(lanes.end(&key(), true), Ended::Ask, "the store may have more");
        assert_eq!(lanes.state().ahead.all, 0);
    }

    #[test]
    fn a_lane_that_the_store_gave_is_known_once_what_comes_next_is_told() {
        let lanes = Lanes::default();
        lanes.begin(vec![delivery(1), delivery(2)]);
        assert!(offer(&lanes, 3, Some(2)));
        while next(&lanes).is_some() {}
        assert_eq!(lanes.end(&key(), true), Ended::Expect);
        // What is told is not what was waited for.
        assert!(!offer(&lanes, 5, Some(4)));
        assert!(lanes.state().lines.is_empty());
    }

    #[test]
    fn a_gap_is_left_to_the_store() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        serve_all(&lanes);
        assert!(offer(&lanes, 3, Some(2)));
        assert!(offer(&lanes, 2, Some(1)));
        assert_eq!([next(&lanes), next(&lanes)], [Some(1), None]);
        assert_eq!(lanes.end(&key(), false), Ended::Ask);
    }

    #[test]
    fn what_is_told_in_the_wrong_order_is_left_to_the_store() {
        let lanes = Lanes::default();
        assert!(!offer(&lanes, 2, Some(1)));
        assert!(lanes.known().is_empty());
        assert!(offer(&lanes, 1, None));
        serve_all(&lanes);
        assert_eq!([next(&lanes), next(&lanes)], [Some(1), None]);
        assert_eq!(lanes.end(&key(), true), Ended::Expect, "something waits that is not known");
    }

    #[test]
    fn what_the_store_gave_is_not_taken_again_however_late_it_is_told() {
        let lanes = Lanes::default();
        assert_eq!(lanes.begin(vec![delivery(4), delivery(5)]), [key()]);
        assert!(offer(&lanes, 5, Some(4)));
        assert_eq!([next(&lanes), next(&lanes), next(&lanes)], [Some(4), Some(5), None]);
        lanes.end(&key(), false);
        assert!(!offer(&lanes, 5, None), "it may be done");
        assert!(lanes.known().is_empty());
        assert!(offer(&lanes, 6, None));
        assert_eq!(serve_all(&lanes), 1);
    }

    #[test]
    fn what_is_told_while_the_store_is_asked_is_not_taken_twice() {
        let lanes = Lanes::default();
        assert!(offer(&lanes, 4, None));
        assert!(lanes.begin(vec![delivery(4), delivery(5)]).is_empty());
        assert!(offer(&lanes, 5, Some(4)));
        assert_eq!(serve_all(&lanes), 1);
        assert_eq!([next(&lanes), next(&lanes), next(&lanes)], [Some(4), Some(5), None]);
    }

    #[test]
    fn a_lane_is_served_once_at_a_time() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        lanes.serve_ready(|_| {
            lanes.cut_all_of(SINK);
            Place::NotNow
        });
        offer(&lanes, 2, None);
        assert_eq!(serve_all(&lanes), 1);
        offer(&lanes, 3, Some(2));
        assert_eq!(serve_all(&lanes), 0);
        // Forgotten while it waits for a place, and then found by the store.
        let other = Lanes::default();
        offer(&other, 1, None);
        other.cut_all_of(SINK);
        assert_eq!(other.begin(vec![delivery(1)]), [key()]);
        assert_eq!(serve_all(&other), 0);
    }

    #[test]
    fn a_lane_that_has_to_wait_is_left_to_the_store() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        offer(&lanes, 2, Some(1));
        serve_all(&lanes);
        assert_eq!(next(&lanes), Some(1));
        lanes.cut(&key());
        assert!(offer(&lanes, 3, Some(2)));
        assert_eq!(next(&lanes), None);
        assert!(lanes.known().contains(&key()), "until it is settled");
        assert_eq!(lanes.end(&key(), true), Ended::Ask);
        assert!(lanes.known().is_empty());
    }

    #[test]
    fn what_was_dropped_is_forgotten_unless_it_is_under_way() {
        let lanes = Lanes::default();
        let other = SinkRef::Webhook(WebhookId(Uuid::from_u128(2)));
        offer(&lanes, 1, None);
        offer(&lanes, 2, Some(1));
        offer_to(&lanes, other, 1, None);
        lanes.cut_all_of(SINK);
        assert_eq!(lanes.known().len(), 1);
        assert_eq!(serve_all(&lanes), 1);
        offer(&lanes, 3, None);
        serve_all(&lanes);
        assert_eq!(next(&lanes), Some(3));
        lanes.forget(SINK);
        assert_eq!(lanes.known().len(), 2);
        assert_eq!(lanes.end(&key(), false), Ended::Ask);
    }

    #[test]
    fn a_line_waits_for_a_place_and_one_of_a_sink_that_is_away_for_nothing() {
        let lanes = Lanes::default();
        offer(&lanes, 1, None);
        lanes.serve_ready(|_| Place::NotNow);
        assert!(lanes.has_ready());
        lanes.serve_ready(|_| Place::Away);
        assert!(!lanes.has_ready());
        assert!(lanes.known().is_empty());
    }

    #[test]
    fn only_so_much_of_a_sink_and_in_all_waits_in_memory() {
        let lanes = Lanes::default();
        let most = i64::try_from(AHEAD_OF_SINK).unwrap();
        assert!((1..=most + 1).all(|nth| offer(&lanes, nth, (nth > 1).then_some(nth - 1))));
        serve_all(&lanes);
        let served = std::iter::from_fn(|| next(&lanes)).count();
        assert_eq!(served, AHEAD_OF_SINK);
        assert_eq!(lanes.end(&key(), true), Ended::Ask, "the last one is in the store alone");
        let sinks = (0..100).map(|nth| SinkRef::Webhook(WebhookId(Uuid::from_u128(nth))));
        let sinks: Vec<_> = sinks.collect();
        let taken = (1..=most).flat_map(|nth| sinks.iter().map(move |sink| (*sink, nth)));
        for (sink, nth) in taken {
            offer_to(&lanes, sink, 100 + nth, (nth > 1).then_some(99 + nth));
        }
        assert_eq!(lanes.state().ahead.all, AHEAD);
        for sink in sinks {
            lanes.forget(sink);
        }
        assert_eq!(lanes.state().ahead.all, 0);
        assert!(lanes.state().ahead.of_sinks.is_empty());
    }
}
