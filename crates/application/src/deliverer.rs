//! The way out of the event log: claims deliveries lane by lane and carries them to their sinks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Result,
    delivery::{Delivery, DeliveryId, Dispatch, Outcome, Settlement, SinkRef},
    event::Lane,
    instance::Instance,
    ports::{Clock, DeliveryQueue, EventSink, InstanceStore, Random, WebhookStore},
    webhook::WebhookTarget,
};

use crate::{Ports, backoff, recorder::Recorder};

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
    policy: RetryPolicy,
    /// How many lanes are served at once.
    lanes: Arc<Semaphore>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// A claimed run of one lane.
type LaneRun = Vec<Delivery>;

impl Deliverer {
    /// How many lanes are served at once.
    const LANES: usize = 64;
    /// How many deliveries of a lane are claimed at once.
    const PER_LANE: usize = 32;
    /// How long to wait for news before looking all the same.
    const IDLE: Duration = Duration::from_secs(30);
    /// How long to leave a failing store alone.
    const STORE_PAUSE: Duration = Duration::from_secs(1);

    pub(crate) fn new(ports: &Ports, recorder: Recorder, policy: RetryPolicy) -> Self {
        Self(Arc::new(Shared {
            queue: ports.queue.clone(),
            instances: ports.instances.clone(),
            webhooks: ports.webhooks.clone(),
            webhook_sink: ports.webhook_sink.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            recorder,
            policy,
            lanes: Arc::new(Semaphore::new(Self::LANES)),
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
        let (settled, settlements) = mpsc::channel(Self::LANES);
        self.0.tasks.spawn(settle(self.0.clone(), settlements));
        self.0.tasks.spawn(run(self.0.clone(), settled));
        self.0.tasks.close();
        Ok(())
    }

    /// Lets the attempts that are under way finish and gives the rest back.
    pub(crate) async fn stop(&self) {
        self.0.closing.cancel();
        self.0.tasks.wait().await;
    }
}

async fn run(shared: Arc<Shared>, settled: mpsc::Sender<Settled>) {
    while !shared.closing.is_cancelled() {
        let now = shared.clock.now();
        let free = shared.lanes.available_permits();
        let limit = free * Deliverer::PER_LANE;
        let claimed = match shared.queue.claim(now, limit, Deliverer::PER_LANE).await {
            Ok(claimed) => claimed,
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not claim deliveries");
                pause(&shared, Deliverer::STORE_PAUSE).await;
                continue;
            }
        };
        if claimed.is_empty() {
            wait_for_news(&shared).await;
            continue;
        }
        for lane in by_lane(claimed) {
            // Never closed, so waiting for a permit cannot fail.
            let Ok(permit) = shared.lanes.clone().acquire_owned().await else { return };
            let (shared, settled) = (shared.clone(), settled.clone());
            shared.clone().tasks.spawn(async move {
                serve(&shared, lane, &settled).await;
                drop(permit);
            });
        }
    }
}

/// Waits until something was recorded or settled, or the next delivery is due.
async fn wait_for_news(shared: &Shared) {
    let due = shared.queue.next_due().await.unwrap_or_else(|e| {
        tracing::error!(error = &e as &dyn std::error::Error, "could not see what is due");
        None
    });
    let until = due.map(|due| (due - shared.clock.now()).to_std().unwrap_or_default());
    let longest = until.unwrap_or(Deliverer::IDLE).min(Deliverer::IDLE);
    tokio::select! {
        () = shared.recorder.recorded() => {}
        () = pause(shared, longest) => {}
    }
}

async fn pause(shared: &Shared, pause: Duration) {
    shared.closing.run_until_cancelled(shared.clock.sleep(pause)).await;
}

fn by_lane(claimed: Vec<Delivery>) -> Vec<LaneRun> {
    let mut order = Vec::new();
    let mut lanes: HashMap<(SinkRef, Lane), LaneRun> = HashMap::new();
    for delivery in claimed {
        let key = (delivery.sink, delivery.lane.clone());
        let run = lanes.entry(key.clone()).or_default();
        if run.is_empty() {
            order.push(key);
        }
        run.push(delivery);
    }
    order.into_iter().filter_map(|key| lanes.remove(&key)).collect()
}

/// Makes the deliveries of a lane one after the other, up to the first that has to wait.
async fn serve(shared: &Shared, lane: LaneRun, settled: &mpsc::Sender<Settled>) {
    let mut rest = lane.into_iter();
    let mut config = None;
    for delivery in rest.by_ref() {
        if shared.closing.is_cancelled() {
            let _ = settled.send(Settled::GivenBack(vec![delivery.id])).await;
            break;
        }
        if config.is_none() {
            match load(shared, &delivery).await {
                Ok(loaded) => config = Some(loaded),
                Err(e) => {
                    tracing::error!(error = &e as &dyn std::error::Error, "could not load a sink");
                    pause(shared, Deliverer::STORE_PAUSE).await;
                    let _ = settled.send(Settled::GivenBack(vec![delivery.id])).await;
                    break;
                }
            }
        }
        let settlement = match &config {
            Some(Some((instance, target))) => attempt(shared, &delivery, instance, target).await,
            _ => Settlement::Dropped,
        };
        let waits = matches!(settlement, Settlement::Retry { .. });
        // The settler outlives every lane.
        let _ = settled.send(Settled::As(delivery.id, settlement)).await;
        if waits {
            break;
        }
    }
    let rest: Vec<_> = rest.map(|delivery| delivery.id).collect();
    if !rest.is_empty() {
        let _ = settled.send(Settled::GivenBack(rest)).await;
    }
}

/// The instance and the sink as they are now; `None` when either is gone or disabled.
async fn load(shared: &Shared, delivery: &Delivery) -> Result<Option<(Instance, WebhookTarget)>> {
    let Some(instance) = shared.instances.find_by_id(delivery.event.instance).await? else {
        return Ok(None);
    };
    let target = match delivery.sink {
        SinkRef::Webhook(id) => shared.webhooks.find_by_id(id).await?.and_then(|hook| hook.target),
        _ => None,
    };
    Ok(target.map(|target| (instance, target)))
}

async fn attempt(
    shared: &Shared,
    delivery: &Delivery,
    instance: &Instance,
    target: &WebhookTarget,
) -> Settlement {
    let dispatch = Dispatch {
        event: &delivery.event,
        instance: &instance.name,
        token: &instance.token,
        target,
    };
    let outcome = shared.webhook_sink.deliver(&dispatch).await;
    let attempts = delivery.attempts + 1;
    match outcome {
        Outcome::Delivered => Settlement::Delivered,
        Outcome::Failed { reason } => dead(delivery, reason),
        Outcome::Retry { reason, .. } if attempts >= shared.policy.attempts => {
            dead(delivery, reason)
        }
        Outcome::Retry { reason, after } => {
            let policy = &shared.policy;
            let own =
                backoff::pause(policy.first_pause, policy.longest_pause, attempts, &*shared.random);
            let due = shared.clock.now() + own.max(after.unwrap_or_default());
            tracing::debug!(event = %delivery.event.id.0, attempts, reason, %due, "will try again");
            Settlement::Retry { due, reason }
        }
    }
}

fn dead(delivery: &Delivery, reason: String) -> Settlement {
    tracing::warn!(event = %delivery.event.id.0, reason, "delivery given up, kept as a dead letter");
    Settlement::Dead { reason }
}

/// What a lane hands to the settler.
enum Settled {
    As(DeliveryId, Settlement),
    GivenBack(Vec<DeliveryId>),
}

/// Writes settlements, many in one step while the store is busy with the step before. What a crash keeps from being
/// written is delivered once more, under the same id.
async fn settle(shared: Arc<Shared>, mut settlements: mpsc::Receiver<Settled>) {
    let mut batch = Vec::new();
    while settlements.recv_many(&mut batch, 256).await > 0 {
        let mut as_told = Vec::new();
        let mut given_back = Vec::new();
        for settled in batch.drain(..) {
            match settled {
                Settled::As(id, settlement) => as_told.push((id, settlement)),
                Settled::GivenBack(ids) => given_back.extend(ids),
            }
        }
        insist(&shared, || shared.queue.settle(&as_told)).await;
        if !given_back.is_empty() {
            insist(&shared, || shared.queue.release(&given_back)).await;
        }
        // A lane may have more to give now.
        shared.recorder.wake();
    }
}

/// Writes until it works, or the gateway closes while the store fails: then the claims are freed at the next start.
async fn insist<F: Future<Output = Result<()>>>(shared: &Shared, write: impl Fn() -> F) {
    while let Err(e) = write().await {
        tracing::error!(error = &e as &dyn std::error::Error, "could not settle deliveries");
        if shared.closing.is_cancelled() {
            return;
        }
        pause(shared, Deliverer::STORE_PAUSE).await;
    }
}
