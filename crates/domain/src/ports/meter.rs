use std::time::Duration;

use crate::{delivery::Outcome, event::EventKind};

/// Takes the measure of what happens, for whoever operates the gateway. Must neither fail nor take time.
pub trait Meter: Send + Sync {
    /// An event was recorded; one that was there already is not new.
    fn event_recorded(&self, kind: EventKind, is_new: bool);

    /// A webhook was tried.
    fn webhook_tried(&self, outcome: &Outcome, took: Duration);

    /// A delivery became a dead letter.
    fn dead_letter(&self);

    /// Events and dead letters were removed because they had been kept long enough.
    fn pruned(&self, events: u64, dead_letters: u64);

    /// A sink was left alone because nothing got through, or taken up again.
    fn sink_away(&self, away: bool);

    /// A session is connected again, or tries to.
    fn reconnect_tried(&self);

    /// A WebSocket reader came, or went.
    fn socket_readers(&self, change: i64);

    /// An event was handed to a WebSocket reader.
    fn socket_sent(&self);

    /// A WebSocket reader was closed because it was too slow.
    fn socket_too_slow(&self);

    /// A write to the store took so long.
    fn store_written(&self, took: Duration, succeeded: bool);
}

/// A meter that takes no measure.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn event_recorded(&self, _: EventKind, _: bool) {}
    fn webhook_tried(&self, _: &Outcome, _: Duration) {}
    fn dead_letter(&self) {}
    fn pruned(&self, _: u64, _: u64) {}
    fn sink_away(&self, _: bool) {}
    fn reconnect_tried(&self) {}
    fn socket_readers(&self, _: i64) {}
    fn socket_sent(&self) {}
    fn socket_too_slow(&self) {}
    fn store_written(&self, _: Duration, _: bool) {}
}
