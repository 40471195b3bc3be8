//! The way out of the event log: claims deliveries lane by lane and carries them to their sinks.

mod lane;
mod rounds;
mod settling;
mod sinks;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Result,
    ports::{Clock, DeliveryQueue, EventSink, InstanceStore, Random, WebhookStore},
};

use self::{
    rounds::run,
    settling::{Desk, settle},
    sinks::Sinks,
};
use crate::{Ports, media::Copies, recorder::Recorder};

/// How failed deliveries are tried again.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// After how many attempts a delivery becomes a dead letter.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    /// About three days: 1 s, 2 s, 4 s … 6 h, 6 h.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_hours(6),
            attempts: 28,
        }
    }
}

/// Carries deliveries to their sinks.
#[derive(Clone)]
pub(crate) struct Deliverer(Arc<Shared>);

struct Shared {
    queue: Arc<dyn DeliveryQueue>,
    instances: Arc<dyn InstanceStore>,
    webhooks: Arc<dyn WebhookStore>,
    webhook_sink: Arc<dyn EventSink>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    recorder: Recorder,
    copies: Copies,
    policy: RetryPolicy,
    sinks: Arc<Sinks>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// How long to leave a failing store alone.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How many settlements may wait for the settler.
const SETTLEMENTS: usize = 64;

impl Deliverer {
    pub(crate) fn new(
        ports: &Ports,
        recorder: Recorder,
        copies: Copies,
        policy: RetryPolicy,
    ) -> Self {
        Self(Arc::new(Shared {
            queue: ports.queue.clone(),
            instances: ports.instances.clone(),
            webhooks: ports.webhooks.clone(),
            webhook_sink: ports.webhook_sink.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            sinks: Sinks::new(ports.random.clone(), recorder.clone()),
            recorder,
            copies,
            policy,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Frees what a crash left claimed and begins.
    pub(crate) async fn start(&self) -> Result<()> {
        let freed = self.0.queue.release_all().await?;
        if freed > 0 {
            tracing::info!(freed, "deliveries that a crash interrupted will be made again");
        }
        let (settled, settlements) = mpsc::channel(SETTLEMENTS);
        let shared = self.0.clone();
        self.0.tasks.spawn(async move {
            let mut desk = Desk::new(settlements);
            while panicked(&shared, settle(&shared, &mut desk)).await {}
        });
        let shared = self.0.clone();
        self.0.tasks.spawn(async move { while panicked(&shared, run(&shared, &settled)).await {} });
        self.0.tasks.close();
        Ok(())
    }

    /// Lets the attempts that are under way finish and gives the rest back.
    pub(crate) async fn stop(&self) {
        self.0.closing.cancel();
        self.0.tasks.wait().await;
    }
}

/// Runs a part of the deliverer. True when it panicked and has to begin anew, which while closing it need not: claims
/// that are not settled are freed at the next start.
async fn panicked(shared: &Shared, part: impl Future<Output = ()>) -> bool {
    if AssertUnwindSafe(part).catch_unwind().await.is_ok() {
        return false;
    }
    tracing::error!("a part of the deliverer panicked and begins anew");
    pause(shared, STORE_PAUSE).await;
    !shared.closing.is_cancelled()
}

async fn pause(shared: &Shared, pause: Duration) {
    shared.closing.run_until_cancelled(shared.clock.sleep(pause)).await;
}
