//! Housekeeping: what has been kept long enough goes.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Result, Timestamp,
    ports::{Clock, EventLog, EventRetention, MessageStore, Meter, Pruned},
};

use crate::Ports;

/// How long what has happened is kept; `None` is for ever. What is still to be delivered, or held, is never removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Messages.
    pub messages: Option<Duration>,
    /// Events that have been delivered, with what is known of their deliveries.
    pub events: Option<Duration>,
    /// How many bytes the bodies of all events may take; the oldest that have been delivered go first.
    pub events_bytes: Option<u64>,
    /// Dead letters, with their events.
    pub dead: Option<Duration>,
    /// How many bytes the events of dead letters may take; the oldest go first.
    pub dead_bytes: Option<u64>,
}

/// Removes old messages, events and idempotency keys, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Retention {
    messages: Arc<dyn MessageStore>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    keep: RetentionPolicy,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Retention {
    const EVERY: Duration = Duration::from_mins(10);
    const BATCH: u64 = 1000;

    pub(crate) fn new(ports: &Ports, keep: RetentionPolicy) -> Self {
        Self {
            messages: ports.messages.clone(),
            log: ports.log.clone(),
            clock: ports.clock.clone(),
            meter: ports.meter.clone(),
            keep,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn start(&self) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let closing = this.closing.clone();
            closing.run_until_cancelled(this.run()).await;
        });
        self.tasks.close();
    }

    /// Begins nothing more. Returns at once.
    pub(crate) fn hold(&self) {
        self.closing.cancel();
    }

    pub(crate) async fn stop(&self) {
        self.hold();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn run(&self) {
        loop {
            self.clock.sleep(Self::EVERY).await;
            while self.prune_messages().await >= Self::BATCH {}
            self.prune_events().await;
        }
    }

    async fn prune_messages(&self) -> u64 {
        let now = self.clock.now();
        let before = before(now, self.keep.messages);
        let pruned = self.messages.prune(before, now, Self::BATCH).await;
        told(pruned)
    }

    /// Removes what need not be kept as of now, in steps, and says what went once nothing more does.
    async fn prune_events(&self) {
        let now = self.clock.now();
        let keep = EventRetention {
            before: before(now, self.keep.events),
            max_bytes: self.keep.events_bytes,
            dead_before: before(now, self.keep.dead),
            dead_max_bytes: self.keep.dead_bytes,
        };
        if keep == EventRetention::default() {
            return;
        }
        let mut sum = Pruned::default();
        loop {
            let step = told(self.log.prune(&keep, Self::BATCH).await);
            if step == Pruned::default() {
                break;
            }
            self.meter.pruned(step.events, step.dead_letters);
            sum.events += step.events;
            sum.dead_letters += step.dead_letters;
        }
        let Pruned { events, dead_letters } = sum;
        if dead_letters > 0 {
            tracing::warn!(dead_letters, events, "old dead letters were removed, and old events");
        } else if events > 0 {
            tracing::info!(events, "old events were removed");
        }
    }
}

fn before(now: Timestamp, keep: Option<Duration>) -> Option<Timestamp> {
    now.checked_sub_signed(chrono::TimeDelta::from_std(keep?).ok()?)
}

/// What was removed; nothing where the store failed, which is tried again in time.
fn told<T: Default>(pruned: Result<T>) -> T {
    pruned.unwrap_or_else(|e| {
        tracing::warn!(error = &e as &dyn std::error::Error, "could not remove old rows");
        T::default()
    })
}
