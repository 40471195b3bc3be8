//! What waits for SQLite's one writer is carried out together: a statement for twenty rows costs little more than one for a
//! single row.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbBackend};
use tokio::sync::{self, mpsc, oneshot};

use crate::{Database, Error};

/// Requests that may wait before callers have to.
const QUEUE: usize = 1024;
/// No request is added to a step of so much weight, so that the first of them is not kept waiting for ever.
const AT_ONCE: usize = 64;

/// How requests of one kind are carried out.
pub trait Work: Send + Sync + 'static {
    /// What is asked for.
    type Request: Send + 'static;
    /// What comes of a request.
    type Answer: Send + 'static;
    /// Why requests were not carried out.
    type Error: From<Error> + fmt::Display + Send + 'static;

    /// How much a request is, in rows or so.
    fn weight(request: &Self::Request) -> usize;

    /// Carries out all `requests` and answers them in their order, or fails for all. May be asked for the same ones again: one by
    /// one when it failed, and with others when it was taken back because another write failed.
    fn carry_out<'a>(
        &'a self,
        txn: &'a DatabaseTransaction,
        requests: &'a [Self::Request],
    ) -> BoxFuture<'a, Result<Vec<Self::Answer>, Self::Error>>;
}

struct Waiting<W: Work> {
    request: W::Request,
    answer: oneshot::Sender<Result<W::Answer, W::Error>>,
}

type Incoming<W> = Arc<sync::Mutex<mpsc::Receiver<Waiting<W>>>>;

/// Carries out what is asked for: on SQLite whatever waits together, on PostgreSQL each by itself, where nobody is to wait
/// for another's locks. Clones share the work.
pub struct Together<W: Work> {
    db: Database,
    work: Arc<W>,
    waiting: Option<mpsc::Sender<Waiting<W>>>,
}

impl<W: Work> Clone for Together<W> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), work: self.work.clone(), waiting: self.waiting.clone() }
    }
}

impl<W: Work> fmt::Debug for Together<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Together(..)")
    }
}

impl<W: Work> Together<W> {
    /// Work on `db`, which goes on as long as a clone of this is there to ask.
    #[must_use]
    pub fn new(db: Database, work: W) -> Self {
        let work = Arc::new(work);
        let waiting = (db.backend() == DbBackend::Sqlite).then(|| {
            let (requests, incoming) = mpsc::channel(QUEUE);
            let incoming = Arc::new(sync::Mutex::new(incoming));
            tokio::spawn(Hand { db: db.clone(), work: work.clone(), incoming }.run());
            requests
        });
        Self { db, work, waiting }
    }

    /// Carries out `request`, with the promises of [`Database::write`]. What others ask for at the same time does not change what
    /// becomes of it.
    pub async fn ask(&self, request: W::Request) -> Result<W::Answer, W::Error> {
        let Some(waiting) = &self.waiting else {
            return carry_out_one(&self.db, &self.work, request).await;
        };
        let (answer, answered) = oneshot::channel();
        let closed = || W::Error::from(Error::Closed);
        waiting.send(Waiting { request, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// What is carried out in one step.
struct Step<W: Work> {
    requests: Vec<W::Request>,
    answers: Vec<oneshot::Sender<Result<W::Answer, W::Error>>>,
    weight: usize,
}

impl<W: Work> Default for Step<W> {
    fn default() -> Self {
        Self { requests: Vec::new(), answers: Vec::new(), weight: 0 }
    }
}

impl<W: Work> Step<W> {
    fn add(&mut self, Waiting { request, answer }: Waiting<W>) {
        self.weight += W::weight(&request);
        self.requests.push(request);
        self.answers.push(answer);
    }

    /// Takes in what else waits.
    fn fill(&mut self, incoming: &Incoming<W>) {
        let Ok(mut incoming) = incoming.try_lock() else { return };
        while self.weight < AT_ONCE
            && let Ok(waiting) = incoming.try_recv()
        {
            self.add(waiting);
        }
    }
}

/// Carries out one step after the other. What is asked for while one is committed waits for the next.
struct Hand<W: Work> {
    db: Database,
    work: Arc<W>,
    /// Taken from by itself, and by its step when that has its turn to write.
    incoming: Incoming<W>,
}

impl<W: Work> Hand<W> {
    /// Until nobody can ask any more.
    async fn run(self) {
        loop {
            let Some(first) = self.incoming.lock().await.recv().await else { return };
            let mut step = Step::default();
            step.add(first);
            self.carry_out(step).await;
        }
    }

    /// With whatever else waits when it is this step's turn.
    async fn carry_out(&self, step: Step<W>) {
        let kept = Arc::new(Mutex::new(step));
        let (kept_here, incoming, work) = (kept.clone(), self.incoming.clone(), self.work.clone());
        let done = self.db.write_repeatable(move |txn| {
            let (slot, incoming, work) = (kept_here.clone(), incoming.clone(), work.clone());
            async move {
                let mut step = std::mem::take(&mut *lock(&slot));
                step.fill(&incoming);
                let doing = AssertUnwindSafe(work.carry_out(txn, &step.requests));
                let done = doing.catch_unwind().await;
                *lock(&slot) = step;
                done.map_err(|_| Spoilt::Panicked)?.map_err(Spoilt::Failed)
            }
            .boxed()
        });
        let done: Result<Vec<W::Answer>, Spoilt<W::Error>> = done.await;
        let Step { requests, answers, .. } = std::mem::take(&mut *lock(&kept));
        match done {
            Ok(done) => {
                for (done, answer) in done.into_iter().zip(answers) {
                    // Whoever asked may have gone away.
                    let _ = answer.send(Ok(done));
                }
            }
            // One may have spoilt it for all.
            Err(why) => {
                tracing::debug!(%why, "writes could not be carried out together");
                for (request, answer) in requests.into_iter().zip(answers) {
                    // One that panics has no answer.
                    let done = AssertUnwindSafe(carry_out_one(&self.db, &self.work, request));
                    let _ = done.catch_unwind().await.map(|done| answer.send(done));
                }
            }
        }
    }
}

async fn carry_out_one<W: Work>(
    db: &Database,
    work: &Arc<W>,
    request: W::Request,
) -> Result<W::Answer, W::Error> {
    let work = work.clone();
    let done = db.write::<_, Option<W::Answer>, W::Error>(move |txn| {
        async move { Ok(work.carry_out(txn, &[request]).await?.pop()) }.boxed()
    });
    done.await?.ok_or_else(|| Error::Closed.into())
}

/// Why a step failed.
enum Spoilt<E> {
    Failed(E),
    Panicked,
}

impl<E: From<Error>> From<Error> for Spoilt<E> {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl<E: fmt::Display> fmt::Display for Spoilt<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked => f.write_str("one panicked"),
        }
    }
}

fn lock<W: Work>(step: &Mutex<Step<W>>) -> MutexGuard<'_, Step<W>> {
    // It is taken and put back whole.
    step.lock().unwrap_or_else(PoisonError::into_inner)
}
