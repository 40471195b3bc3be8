use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;
use wacore::runtime::{AbortHandle, Runtime};
use wharf_domain::ports::Clock;

type Job = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// How often it is looked whether the library is done.
const GLANCE: Duration = Duration::from_millis(10);

/// Everything that runs for one session: the library's own tasks and ours. They can be ended together and awaited.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    ours: TaskTracker,
    /// What the library runs for as long as its client lives, all begun before the first connection.
    lasting: TaskTracker,
    /// What the library does on a connection.
    passing: TaskTracker,
    connected: CancellationToken,
    acknowledges: CancellationToken,
    answers: CancellationToken,
    line: Arc<OnceLock<mpsc::UnboundedSender<Job>>>,
    cancelled: CancellationToken,
    panicked: CancellationToken,
}

impl Tasks {
    /// Runs a job until it is done or the session is over.
    pub(crate) fn run(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.ours.spawn(self.guard(Box::pin(job)));
    }

    /// Runs a job and hands its outcome back. Whoever asked may stop waiting without harming the job.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, receiver) = oneshot::channel();
        self.run(async move {
            let _ = answer.send(job.await);
        });
        receiver
    }

    /// Runs a job for as long as somebody waits for its outcome. `None` when the session is over.
    pub(crate) async fn attend<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (mut answer, receiver) = oneshot::channel();
        self.run(async move {
            let outcome = tokio::select! {
                biased;
                () = answer.closed() => return,
                outcome = job => outcome,
            };
            let _ = answer.send(outcome);
        });
        receiver.await.ok()
    }

    /// Runs a job on a thread that may wait, and hands its outcome back. It has to end by itself, since a thread cannot
    /// be stopped.
    pub(crate) fn on_thread<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, receiver) = oneshot::channel();
        self.ours.spawn_blocking(move || {
            let _ = answer.send(job());
        });
        receiver
    }

    /// Drops all jobs where they stand and returns when the last one is gone. Later jobs end before they start.
    pub(crate) async fn end(&self) {
        self.cancelled.cancel();
        for tracker in [&self.ours, &self.lasting, &self.passing] {
            tracker.close();
            tracker.wait().await;
        }
    }

    /// Notes that there is a connection: from now on the library's jobs are work that comes to an end.
    pub(crate) fn note_connected(&self) {
        self.connected.cancel();
    }

    /// Notes that the library has acknowledged a message. It does that in a job that lasts as long as its client.
    pub(crate) fn note_acknowledging(&self) {
        self.acknowledges.cancel();
    }

    /// Notes that the library has acknowledged something else, which it does in another such job.
    pub(crate) fn note_answering(&self) {
        self.answers.cancel();
    }

    /// Returns once the library has done its work on connections, of which there are no more; or after `limit`.
    pub(crate) async fn work_done(&self, clock: &Arc<dyn Clock>, limit: Duration) {
        let done = async {
            let lasting = [&self.acknowledges, &self.answers];
            let lasting = || lasting.iter().filter(|job| job.is_cancelled()).count();
            while self.passing.len() > lasting() {
                clock.sleep(GLANCE).await;
            }
        };
        tokio::select! {
            biased;
            () = done => {}
            () = clock.sleep(limit) => {
                tracing::debug!(jobs = self.passing.len(), "work of the library outlived its connection");
            }
        }
    }

    /// Begins jobs in the order in which they were given, and lets them go on beside each other.
    ///
    /// The library reads stanzas one by one and hands most of them to jobs. Left to the runtime, of two jobs the later
    /// one often begins first, and a call would be over before it rings.
    fn line(&self) -> &mpsc::UnboundedSender<Job> {
        self.line.get_or_init(|| {
            let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
            let cancelled = self.cancelled.clone();
            self.ours.spawn(async move {
                loop {
                    let mut job = tokio::select! {
                        biased;
                        () = cancelled.cancelled() => return,
                        job = jobs.recv() => match job {
                            Some(job) => job,
                            None => return,
                        },
                    };
                    // Without a budget, or one job in a hundred would not begin before the next.
                    if futures::poll!(tokio::task::unconstrained(&mut job)).is_pending() {
                        tokio::spawn(job);
                    }
                }
            });
            sender
        })
    }

    fn library(&self) -> &TaskTracker {
        if self.connected.is_cancelled() { &self.passing } else { &self.lasting }
    }

    /// Cancelled once a job has panicked.
    pub(crate) fn panicked(&self) -> &CancellationToken {
        &self.panicked
    }

    /// Cancelled once all jobs have been told to end.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    fn guard(&self, job: Job) -> impl Future<Output = ()> + Send + 'static {
        let (cancelled, panicked) = (self.cancelled.clone(), self.panicked.clone());
        async move {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {}
                outcome = AssertUnwindSafe(job).catch_unwind() => {
                    if outcome.is_err() {
                        panicked.cancel();
                    }
                }
            }
        }
        .in_current_span()
    }
}

#[async_trait]
impl Runtime for Tasks {
    fn spawn(&self, job: Job) -> AbortHandle {
        let task = self.library().spawn(self.guard(job));
        AbortHandle::new(move || task.abort())
    }

    fn spawn_detached(&self, job: Job) {
        let job = self.library().track_future(self.guard(job));
        // Once the session is over there is no line, and the job ends before it starts.
        let _ = self.line().send(Box::pin(job));
    }

    fn sleep(&self, duration: Duration) -> Job {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send + 'static>) -> Job {
        let task = self.library().spawn_blocking(job);
        Box::pin(async move {
            let _ = task.await;
        })
    }

    fn yield_now(&self) -> Option<Job> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ending_drops_what_runs_and_starts_nothing_more() {
        let tasks = Tasks::default();
        let witness = Arc::new(());
        let held = witness.clone();
        tasks.run(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        tasks.end().await;
        let held = witness.clone();
        tasks.run(async move { drop(held) });
        tasks.end().await;
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[tokio::test]
    async fn a_job_nobody_waits_for_any_more_is_dropped() {
        let tasks = Tasks::default();
        let held = CancellationToken::new();
        let (guard, begun) = (held.clone().drop_guard(), Arc::new(tokio::sync::Notify::new()));
        let beginning = begun.clone();
        let attended = tasks.attend(async move {
            let _guard = guard;
            beginning.notify_one();
            std::future::pending::<()>().await;
        });
        tokio::select! {
            _ = attended => panic!("it never ends"),
            () = begun.notified() => {}
        }
        held.cancelled().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_of_the_library_begin_in_their_order_and_do_not_wait_for_each_other() {
        let tasks = Tasks::default();
        let (begun, mut order) = mpsc::unbounded_channel();
        let (go_on, _) = tokio::sync::broadcast::channel::<()>(1);
        for i in 0..1_000 {
            let (begun, mut go_on) = (begun.clone(), go_on.subscribe());
            tasks.spawn_detached(Box::pin(async move {
                begun.send(i).unwrap();
                let _ = go_on.recv().await;
            }));
        }
        for i in 0..1_000 {
            assert_eq!(order.recv().await, Some(i));
        }
        drop(go_on);
        let clock: Arc<dyn Clock> = Arc::new(Instant);
        tasks.work_done(&clock, Duration::from_secs(30)).await;
        tasks.end().await;
        // And none begins when it is over.
        tasks.spawn_detached(Box::pin(async move { begun.send(0).unwrap() }));
        assert_eq!(order.recv().await, None);
    }

    /// Makes pauses as the runtime does.
    struct Instant;

    #[async_trait]
    impl Clock for Instant {
        fn now(&self) -> wharf_domain::Timestamp {
            wharf_domain::Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, pause: Duration) {
            tokio::time::sleep(pause).await;
        }
    }

    #[tokio::test]
    async fn a_panic_is_noticed() {
        let tasks = Tasks::default();
        tasks.run(async { panic!("as planned") });
        tasks.panicked().cancelled().await;
    }
}
