//! The way out of the event log: carries deliveries to their sinks, lane by lane. Nothing of it is written before it is done:
//! what a crash interrupts waits in the store as it did.

mod addressees;
mod attempts;
mod changes;
mod lane;
mod lanes;
mod retry;
mod rounds;
mod settling;
mod sinks;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::ports::{Clock, DeliveryQueue, EventSink, Meter, Random, WebhookStore};

pub use self::retry::RetryPolicy;
use self::{
    addressees::Addressees,
    rounds::run,
    settling::{Desk, settle},
};
pub(crate) use self::{changes::Changes, lanes::Lanes, sinks::Sinks};
use crate::{Ports, hidden::Hidden, media::Copies, recorder::Recorder};

/// How deliveries are carried.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// How many attempts at one receiver (scheme, host and port) may be under way at once, whichever instances' webhooks
    /// lead there. One webhook has half of them at most.
    pub per_receiver: usize,
    /// How long attempts that are under way may still take when the gateway stops. What is not through by then is
    /// made again after the next start.
    pub finish_within: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { per_receiver: 16, finish_within: Duration::from_secs(20) }
    }
}

/// Carries deliveries to their sinks.
#[derive(Clone)]
pub(crate) struct Deliverer(Arc<Shared>);

struct Shared {
    queue: Arc<dyn DeliveryQueue>,
    webhooks: Arc<dyn WebhookStore>,
    webhook_sink: Arc<dyn EventSink>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    recorder: Recorder,
    hidden: Hidden,
    copies: Copies,
    policy: RetryPolicy,
    finish_within: Duration,
    sinks: Arc<Sinks>,
    addressees: Arc<Addressees>,
    /// Nothing new is begun any more.
    held: CancellationToken,
    /// What is under way is given up.
    given_up: CancellationToken,
    tasks: TaskTracker,
}

/// How long to leave a failing store alone.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How many settlements may wait for the settler.
const SETTLEMENTS: usize = 512;

impl Deliverer {
    pub(crate) fn new(
        ports: &Ports,
        changes: &Changes,
        recorder: Recorder,
        hidden: Hidden,
        copies: Copies,
        policy: RetryPolicy,
        config: &DeliveryConfig,
    ) -> Self {
        Self(Arc::new(Shared {
            queue: ports.queue.clone(),
            webhooks: ports.webhooks.clone(),
            webhook_sink: ports.webhook_sink.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            meter: ports.meter.clone(),
            recorder,
            hidden,
            copies,
            policy,
            finish_within: config.finish_within,
            sinks: changes.sinks.clone(),
            addressees: changes.addressees.clone(),
            held: CancellationToken::new(),
            given_up: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Begins.
    pub(crate) fn start(&self) {
        let (settled, settlements) = mpsc::channel(SETTLEMENTS);
        let shared = self.0.clone();
        self.0.tasks.spawn(async move {
            let mut desk = Desk::new(settlements);
            while panicked(&shared, settle(&shared, &mut desk)).await {}
        });
        let shared = self.0.clone();
        self.0.tasks.spawn(async move { while panicked(&shared, run(&shared, &settled)).await {} });
        self.0.tasks.close();
    }

    /// Begins nothing more. Attempts that are under way go on and are settled; the rest waits in the store. Returns
    /// at once.
    pub(crate) fn hold(&self) {
        self.0.held.cancel();
    }

    /// Holds, and waits for what is under way as long as that may take.
    pub(crate) async fn stop(&self) {
        self.hold();
        self.0.tasks.close();
        tokio::select! {
            () = self.0.tasks.wait() => return,
            () = self.0.clock.sleep(self.0.finish_within) => {}
        }
        tracing::warn!(
            "attempts that are still under way are given up and made again after the next start"
        );
        self.0.given_up.cancel();
        self.0.tasks.wait().await;
    }
}

/// Runs a part of the deliverer. True when it panicked and has to begin anew, which while closing it need not.
async fn panicked(shared: &Shared, part: impl Future<Output = ()>) -> bool {
    if AssertUnwindSafe(part).catch_unwind().await.is_ok() {
        return false;
    }
    tracing::error!("a part of the deliverer panicked and begins anew");
    pause(shared, STORE_PAUSE).await;
    !shared.held.is_cancelled()
}

async fn pause(shared: &Shared, pause: Duration) {
    shared.held.run_until_cancelled(shared.clock.sleep(pause)).await;
}
