//! What was measured, to be looked at.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use wharf_domain::{delivery::Outcome, event::EventKind, ports::Meter};

/// A meter that keeps what it is told.
#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub recorded: u64,
    pub repeats: u64,
    pub tried: Vec<Outcome>,
    pub dead_letters: u64,
    pub pruned: (u64, u64),
    /// How many sinks are away now.
    pub away: i64,
    /// How often one was.
    pub left_alone: u64,
    pub reconnects: u64,
}

impl Tally {
    pub fn counts(&self) -> Counts {
        self.now().clone()
    }

    fn now(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap()
    }
}

impl Meter for Tally {
    fn event_recorded(&self, _: EventKind, is_new: bool) {
        let mut now = self.now();
        now.recorded += u64::from(is_new);
        now.repeats += u64::from(!is_new);
    }

    fn webhook_tried(&self, outcome: &Outcome, _: Duration) {
        self.now().tried.push(outcome.clone());
    }

    fn dead_letter(&self) {
        self.now().dead_letters += 1;
    }

    fn pruned(&self, events: u64, dead_letters: u64) {
        let mut now = self.now();
        now.pruned = (now.pruned.0 + events, now.pruned.1 + dead_letters);
    }

    fn sink_away(&self, away: bool) {
        let mut now = self.now();
        now.away += if away { 1 } else { -1 };
        now.left_alone += u64::from(away);
    }

    fn reconnect_tried(&self) {
        self.now().reconnects += 1;
    }

    fn socket_readers(&self, _: i64) {}
    fn socket_sent(&self) {}
    fn socket_too_slow(&self) {}
    fn store_written(&self, _: Duration, _: bool) {}
}
