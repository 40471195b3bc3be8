//! Housekeeping: what has been kept long enough goes.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::ports::{Clock, MessageStore};

use crate::Ports;

/// Removes old messages, delivered events and idempotency keys, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Retention {
    messages: Arc<dyn MessageStore>,
    clock: Arc<dyn Clock>,
    keep: Option<Duration>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Retention {
    const EVERY: Duration = Duration::from_mins(10);
    const BATCH: u64 = 1000;

    pub(crate) fn new(ports: &Ports, keep: Option<Duration>) -> Self {
        Self {
            messages: ports.messages.clone(),
            clock: ports.clock.clone(),
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

    pub(crate) async fn stop(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }

    async fn run(&self) {
        loop {
            self.clock.sleep(Self::EVERY).await;
            while self.prune_once().await >= Self::BATCH {}
        }
    }

    async fn prune_once(&self) -> u64 {
        let now = self.clock.now();
        let before = self
            .keep
            .and_then(|keep| now.checked_sub_signed(chrono::TimeDelta::from_std(keep).ok()?));
        self.messages.prune(before, now, Self::BATCH).await.unwrap_or_else(|e| {
            tracing::warn!(error = &e as &dyn std::error::Error, "could not remove old rows");
            0
        })
    }
}
