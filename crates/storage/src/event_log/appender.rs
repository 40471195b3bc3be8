//! Appends that wait for SQLite's one writer are written together: a statement for twenty events costs little more than one
//! for a single event.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt as _;
use sea_orm::DbBackend;
use tokio::sync::{self, mpsc, oneshot};
use wharf_domain::{Resource, instance::InstanceId, ports::Appended};
use wharf_seal::Keyring;
use wharf_sql::Database;

use super::{append::append, prepared::Prepared};
use crate::error::{Error, Result};

/// Appends that may wait before callers have to.
const QUEUE: usize = 1024;
/// No append is added to a step of so many events, so that the first of them is not kept waiting for ever.
const AT_ONCE: usize = 64;
/// While the step of one hand is committed, the next one's stands in line.
const HANDS: usize = 2;

/// Events of one instance that are appended together, all or none.
pub(super) struct Batch {
    pub(super) instance: InstanceId,
    pub(super) events: Vec<Prepared>,
}

struct Request {
    batch: Batch,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<Vec<Appended>>>;
type Incoming = Arc<sync::Mutex<mpsc::Receiver<Request>>>;

/// What is written in one step.
#[derive(Default)]
struct Step {
    batches: Vec<Batch>,
    answers: Vec<Answer>,
    events: usize,
}

impl Step {
    fn add(&mut self, Request { batch, answer }: Request) {
        self.events += batch.events.len();
        self.batches.push(batch);
        self.answers.push(answer);
    }

    /// Takes in what else waits. Should somebody else be waiting for requests, there are none.
    fn fill(&mut self, incoming: &Incoming) {
        let Ok(mut incoming) = incoming.try_lock() else { return };
        while self.events < AT_ONCE
            && let Ok(request) = incoming.try_recv()
        {
            self.add(request);
        }
    }
}

/// Writes appends.
#[derive(Clone, Debug)]
pub(super) struct Appender {
    db: Database,
    keyring: Arc<Keyring>,
    /// SQLite only: PostgreSQL has many writers, and none is to wait for another's locks.
    together: Option<mpsc::Sender<Request>>,
}

impl Appender {
    pub(super) fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        let together = (db.backend() == DbBackend::Sqlite).then(|| {
            let (requests, incoming) = mpsc::channel(QUEUE);
            let incoming = Arc::new(sync::Mutex::new(incoming));
            for _ in 0..HANDS {
                let hand = Self { db: db.clone(), keyring: keyring.clone(), together: None };
                let incoming = incoming.clone();
                tokio::spawn(async move { hand.run(incoming).await });
            }
            requests
        });
        Self { db, keyring, together }
    }

    pub(super) async fn append(&self, batch: Batch) -> Result<Vec<Appended>> {
        let Some(together) = &self.together else { return self.write_one(batch).await };
        let closed = || Error::from(wharf_sql::Error::Closed);
        let (answer, answered) = oneshot::channel();
        together.send(Request { batch, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Until nobody can ask any more.
    async fn run(self, incoming: Incoming) {
        loop {
            let Some(first) = incoming.lock().await.recv().await else { return };
            let mut step = Step::default();
            step.add(first);
            self.write_together(step, &incoming).await;
        }
    }

    /// With whatever else waits when it is this step's turn.
    async fn write_together(&self, step: Step, incoming: &Incoming) {
        let kept = Arc::new(Mutex::new(step));
        let (slot, incoming, keyring) = (kept.clone(), incoming.clone(), self.keyring.clone());
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let mut step = std::mem::take(&mut *lock(&slot));
                step.fill(&incoming);
                let appending = AssertUnwindSafe(append(txn, &keyring, &step.batches));
                let appended = appending.catch_unwind().await;
                *lock(&slot) = step;
                appended.unwrap_or_else(|_| Err(Error::nonsense("event")))
            })
        });
        let written = written.await;
        let Step { batches, answers, .. } = std::mem::take(&mut *lock(&kept));
        match written {
            Ok(appended) => {
                for (appended, answer) in appended.into_iter().zip(answers) {
                    // Whoever asked may have gone away.
                    let _ = answer.send(appended.ok_or(Error::not_found(Resource::Instance)));
                }
            }
            // One may have spoilt it for all.
            Err(error) => {
                tracing::debug!(%error, "events could not be appended together");
                for (batch, answer) in batches.into_iter().zip(answers) {
                    // One that panics has no answer.
                    let written = AssertUnwindSafe(self.write_one(batch)).catch_unwind().await;
                    let _ = written.map(|written| answer.send(written));
                }
            }
        }
    }

    async fn write_one(&self, batch: Batch) -> Result<Vec<Appended>> {
        let keyring = self.keyring.clone();
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { append(txn, &keyring, &[batch]).await })
        });
        written.await?.into_iter().flatten().next().ok_or(Error::not_found(Resource::Instance))
    }
}

fn lock(step: &Mutex<Step>) -> MutexGuard<'_, Step> {
    // It is taken and put back whole.
    step.lock().unwrap_or_else(PoisonError::into_inner)
}
