//! What is counted as it happens.

use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use wharf_domain::{Timestamp, delivery::Outcome, event::EventKind, ports::Meter};

use crate::{
    PREFIX, Reading,
    labels::{By, OUTCOMES, WEBHOOK, outcome},
};

/// From an answer within the house to the timeout of a receiver that takes media.
const ATTEMPT_BUCKETS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From a commit on a fast disk to a database that hangs.
const STORE_BUCKETS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Counts what it is told of, for Prometheus to read.
#[derive(Debug)]
pub struct PrometheusMeter {
    registry: Registry,
    started: Timestamp,
    events: By<2, Counter>,
    attempts: By<2, Counter>,
    attempt: By<1, Histogram>,
    dead_letters: Counter,
    pruned: By<1, Counter>,
    sinks_away: Gauge,
    reconnects: Counter,
    socket_readers: Gauge,
    socket_sent: Counter,
    socket_too_slow: Counter,
    store: By<1, Histogram>,
}

impl PrometheusMeter {
    /// A meter of a process of that version that was started then. Every measure there can be is there from the start, at
    /// nought, so that the first of something is seen as a change.
    #[must_use]
    pub fn new(version: &str, started: Timestamp) -> Self {
        let mut this = Self {
            registry: Registry::with_prefix(PREFIX),
            started,
            events: By::default(),
            attempts: By::default(),
            attempt: By::new_with_constructor(|| Histogram::new(ATTEMPT_BUCKETS)),
            dead_letters: Counter::default(),
            pruned: By::default(),
            sinks_away: Gauge::default(),
            reconnects: Counter::default(),
            socket_readers: Gauge::default(),
            socket_sent: Counter::default(),
            socket_too_slow: Counter::default(),
            store: By::new_with_constructor(|| Histogram::new(STORE_BUCKETS)),
        };
        this.begin_at_nought();
        this.register(version);
        this
    }

    /// The measures in the OpenMetrics text format, with what was looked up just now.
    #[must_use]
    pub fn text(&self, reading: &Reading) -> String {
        let mut text = String::new();
        // Writing to a string does not fail, and what is written is ours.
        let _ = text::encode_registry(&mut text, &self.registry)
            .and_then(|()| reading.encode(self.started, &mut text))
            .and_then(|()| text::encode_eof(&mut text));
        text
    }

    fn begin_at_nought(&self) {
        for kind in EventKind::ALL {
            for result in ["new", "repeated"] {
                drop(self.events.get_or_create(&[("event", kind.as_str()), ("result", result)]));
            }
        }
        for outcome in OUTCOMES {
            drop(self.attempts.get_or_create(&[WEBHOOK, ("outcome", outcome)]));
        }
        drop(self.attempt.get_or_create(&[WEBHOOK]));
        for what in ["events", "dead_letters"] {
            drop(self.pruned.get_or_create(&[("what", what)]));
        }
        for result in ["ok", "failed"] {
            drop(self.store.get_or_create(&[("result", result)]));
        }
    }

    fn register(&mut self, version: &str) {
        let seconds = || Unit::Seconds;
        let registry = &mut self.registry;
        let build = Info::new([("version".to_owned(), version.to_owned())]);
        registry.register("build", "What is running", build);
        registry.register(
            "events",
            "Events handed to the log; repeated ones were there already",
            self.events.clone(),
        );
        registry.register(
            "delivery_attempts",
            "Attempts at delivering an event, by how they went",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "delivery_attempt",
            "How long attempts at delivering an event took",
            seconds(),
            self.attempt.clone(),
        );
        registry.register(
            "dead_letters",
            "Deliveries that were given up",
            self.dead_letters.clone(),
        );
        registry.register(
            "pruned",
            "What was removed because it had been kept long enough",
            self.pruned.clone(),
        );
        registry.register(
            "sinks_away",
            "Webhooks that are left alone for a while because nothing gets through",
            self.sinks_away.clone(),
        );
        registry.register(
            "reconnects",
            "Attempts to connect a paired instance again",
            self.reconnects.clone(),
        );
        registry.register(
            "websocket_readers",
            "Readers connected by WebSocket",
            self.socket_readers.clone(),
        );
        registry.register(
            "websocket_sent",
            "Events handed to WebSocket readers",
            self.socket_sent.clone(),
        );
        registry.register(
            "websocket_too_slow",
            "WebSocket readers that were closed because they did not keep up",
            self.socket_too_slow.clone(),
        );
        registry.register_with_unit(
            "store_write",
            "How long writes to the database took, waiting for their turn included",
            seconds(),
            self.store.clone(),
        );
    }
}

impl Meter for PrometheusMeter {
    fn event_recorded(&self, kind: EventKind, is_new: bool) {
        let result = if is_new { "new" } else { "repeated" };
        self.events.get_or_create(&[("event", kind.as_str()), ("result", result)]).inc();
    }

    fn webhook_tried(&self, how: &Outcome, took: Duration) {
        self.attempts.get_or_create(&[WEBHOOK, ("outcome", outcome(how))]).inc();
        self.attempt.get_or_create(&[WEBHOOK]).observe(took.as_secs_f64());
    }

    fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    fn pruned(&self, events: u64, dead_letters: u64) {
        for (what, count) in [("events", events), ("dead_letters", dead_letters)] {
            self.pruned.get_or_create(&[("what", what)]).inc_by(count);
        }
    }

    fn sink_away(&self, away: bool) {
        self.sinks_away.inc_by(if away { 1 } else { -1 });
    }

    fn reconnect_tried(&self) {
        self.reconnects.inc();
    }

    fn socket_readers(&self, change: i64) {
        self.socket_readers.inc_by(change);
    }

    fn socket_sent(&self) {
        self.socket_sent.inc();
    }

    fn socket_too_slow(&self) {
        self.socket_too_slow.inc();
    }

    fn store_written(&self, took: Duration, succeeded: bool) {
        let result = if succeeded { "ok" } else { "failed" };
        self.store.get_or_create(&[("result", result)]).observe(took.as_secs_f64());
    }
}
