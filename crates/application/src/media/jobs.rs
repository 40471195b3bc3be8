//! Brings received media into the buckets of its instances.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    media::{MediaJob, MediaSettlement, StoredObject},
    message::Content,
    ports::{Clock, InstanceStore, MediaJobs, MediaStore, Random},
};

use super::{MediaConfig, in_words, key};
use crate::{Ports, backoff, recorder::Recorder, sessions::Sessions};

/// Why media of an instance whose bucket was removed is not there.
pub(super) const NO_BUCKET: &str = "the instance has no bucket any more";
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The longest pause while nothing is wrong but that the instance is not connected.
const LONGEST_ABSENCE: Duration = Duration::from_mins(2);
/// For how long it is tried.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);
/// How many instances can fill all workers.
const SHARES: usize = 4;
/// How long an attempt may take.
const ATTEMPT: Duration = Duration::from_mins(10);
/// How long to leave a failing store alone.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait for news before looking all the same.
const IDLE: Duration = Duration::from_secs(30);

/// Does media jobs, some at once.
#[derive(Clone)]
pub(crate) struct MediaWorker(Arc<Shared>);

struct Shared {
    jobs: Arc<dyn MediaJobs>,
    store: Arc<dyn MediaStore>,
    instances: Arc<dyn InstanceStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    recorder: Recorder,
    sessions: Sessions,
    workers: Arc<Semaphore>,
    /// How many workers one instance can have: its bucket may be slow, and its backlog long.
    share: usize,
    limit: u64,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl MediaWorker {
    pub(crate) fn new(
        ports: &Ports,
        recorder: Recorder,
        sessions: Sessions,
        config: &MediaConfig,
    ) -> Self {
        Self(Arc::new(Shared {
            jobs: ports.media_jobs.clone(),
            store: ports.media_store.clone(),
            instances: ports.instances.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            recorder,
            sessions,
            workers: Arc::new(Semaphore::new(config.workers.max(1))),
            share: config.workers.div_ceil(SHARES).max(1),
            limit: config.receive_max,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Frees what a crash left claimed and begins.
    pub(crate) async fn start(&self) -> Result<()> {
        let freed = self.0.jobs.release_all().await?;
        if freed > 0 {
            tracing::info!(freed, "media that a crash left behind will be fetched again");
        }
        let shared = self.0.clone();
        self.0.tasks.spawn(async move {
            while AssertUnwindSafe(run(&shared)).catch_unwind().await.is_err() {
                tracing::error!("the fetching of media panicked and begins anew");
                pause(&shared, STORE_PAUSE).await;
            }
        });
        Ok(())
    }

    /// Gives up what is under way: it begins anew with the next start.
    pub(crate) async fn stop(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

async fn run(shared: &Arc<Shared>) {
    while !shared.closing.is_cancelled() {
        let free = shared.closing.run_until_cancelled(shared.workers.clone().acquire_owned());
        // The semaphore is never closed.
        let Some(Ok(first)) = free.await else { return };
        let mut workers = vec![first];
        while let Ok(another) = shared.workers.clone().try_acquire_owned() {
            workers.push(another);
        }
        let now = shared.clock.now();
        match shared.jobs.claim(now, workers.len(), shared.share).await {
            Ok(jobs) if jobs.is_empty() => {
                drop(workers);
                wait_for_news(shared, now).await;
            }
            Ok(jobs) => {
                for (job, worker) in jobs.into_iter().zip(workers) {
                    shared.tasks.spawn(serve(shared.clone(), job, worker));
                }
            }
            Err(e) => {
                tracing::error!(error = &e as &dyn std::error::Error, "could not claim media jobs");
                drop(workers);
                pause(shared, STORE_PAUSE).await;
            }
        }
    }
}

/// After a claim at `looked` gave nothing: waits until media arrived or the next job is due.
async fn wait_for_news(shared: &Shared, looked: Timestamp) {
    let due = shared.jobs.next_due(shared.share).await.unwrap_or_else(|e| {
        tracing::error!(error = &e as &dyn std::error::Error, "could not see what media is due");
        Some(looked)
    });
    let longest = match due {
        // It was due already, and yet it was not given.
        Some(due) if due <= looked => STORE_PAUSE,
        Some(due) => (due - shared.clock.now()).to_std().unwrap_or_default().min(IDLE),
        None => IDLE,
    };
    tokio::select! {
        () = shared.recorder.media_recorded() => {}
        () = pause(shared, longest) => {}
    }
}

/// Does a job and writes what came of it. Stopped in the middle, its claim is freed at the next start.
async fn serve(shared: Arc<Shared>, job: MediaJob, worker: OwnedSemaphorePermit) {
    let closing = shared.closing.clone();
    let attempt = AssertUnwindSafe(attempt(&shared, &job)).catch_unwind();
    let Some(outcome) = closing.run_until_cancelled(attempt).await else { return };
    let outcome =
        outcome.unwrap_or_else(|_| Err(Error::unavailable("media", "the attempt panicked")));
    let settlement = settled_by(&shared, &job, outcome);
    while let Err(e) = shared.jobs.settle(job.event, &settlement, shared.clock.now()).await {
        tracing::error!(error = &e as &dyn std::error::Error, "could not settle a media job");
        if shared.closing.is_cancelled() {
            return;
        }
        pause(&shared, STORE_PAUSE).await;
    }
    drop(worker);
    shared.recorder.wake();
    // When it is due again was not known before.
    shared.recorder.wake_media();
}

/// Brings the media of a message into its instance's bucket.
async fn attempt(shared: &Shared, job: &MediaJob) -> Result<Option<StoredObject>> {
    let missing = || Error::NotFound(Resource::Media);
    let Content::Media(media) = &job.message.content else { return Err(missing()) };
    // An instance that is gone takes its jobs along.
    let instance = shared.instances.find_by_id(job.instance).await?.ok_or_else(missing)?;
    let Some(bucket) = &instance.s3 else { return Ok(None) };
    let key = key::object_key(bucket, &instance.name, job, media);
    let content_type = media.mime_type.as_deref().unwrap_or(key::UNKNOWN_TYPE);
    let bringing = async {
        let session = shared.sessions.connected(job.instance)?;
        let body = session.download(&job.raw, shared.limit).await?;
        shared.store.put(bucket, &key, content_type, body).await
    };
    tokio::select! {
        biased;
        brought = bringing => brought?,
        () = shared.clock.sleep(ATTEMPT) => return Err(Error::NotAcknowledged),
    }
    let (endpoint, bucket) = (bucket.endpoint.clone(), bucket.bucket.clone());
    Ok(Some(StoredObject { endpoint, bucket, key }))
}

fn settled_by(
    shared: &Shared,
    job: &MediaJob,
    outcome: Result<Option<StoredObject>>,
) -> MediaSettlement {
    let event = job.event.0;
    let error = match outcome {
        Ok(Some(object)) => return MediaSettlement::Stored(object),
        Ok(None) => return MediaSettlement::Failed { reason: NO_BUCKET.to_owned() },
        Err(e) => e,
    };
    let reason = in_words(&error);
    let longest = match error {
        Error::NotFound(_) | Error::Invalid { .. } => None,
        Error::NotConnected => Some(LONGEST_ABSENCE),
        _ => Some(LONGEST_PAUSE),
    };
    let attempts = job.attempts.saturating_add(1);
    let due = longest.map(|longest| {
        shared.clock.now() + backoff::pause(FIRST_PAUSE, longest, attempts, &*shared.random)
    });
    if let Some(due) = due.filter(|due| *due - job.recorded_at < GIVE_UP_AFTER) {
        tracing::info!(%event, attempts, reason, %due, "media not fetched, will try again");
        return MediaSettlement::Retry { due, reason };
    }
    tracing::warn!(%event, attempts, reason, "media given up");
    MediaSettlement::Failed { reason }
}

async fn pause(shared: &Shared, pause: Duration) {
    shared.closing.run_until_cancelled(shared.clock.sleep(pause)).await;
}
