//! A piece of work for the one writer of a SQLite database.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, Statement};
use tokio::sync::oneshot;

use crate::{Error, Result};

/// What the writer may do with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs once.
    Once,
    /// Runs once, and is a single statement: what fails of that SQLite takes back by itself.
    Statement,
    /// Seldom fails, and can be run again when it was undone for another's sake.
    Repeatable,
}

/// How a job went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It is part of the transaction now.
    Done,
    /// Nothing of it is left in the transaction, if it was in a savepoint or is a single statement.
    Failed,
}

pub(crate) trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    fn kind(&self) -> Kind;

    /// Runs the job, in a savepoint where one is given. An error means that the whole transaction is unusable.
    fn run<'a>(
        &'a mut self,
        txn: &'a DatabaseTransaction,
        savepoint: Option<Savepoint>,
    ) -> BoxFuture<'a, Result<Ran, DbErr>>;

    /// Tells the caller what came of it, now that the transaction is `committed` or not.
    fn answer(self: Box<Self>, committed: Result<(), DbErr>);
}

/// How a job's savepoint is taken. Each is one statement, and none is given back: the next takes its place, and the commit
/// does away with the last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Savepoint {
    First,
    Next,
}

impl Savepoint {
    fn as_str(self) -> &'static str {
        match self {
            Self::First => "SAVEPOINT job",
            Self::Next => "RELEASE job; SAVEPOINT job",
        }
    }

    async fn take(self, txn: &DatabaseTransaction) -> Result<(), DbErr> {
        run(txn, self.as_str()).await
    }

    async fn undo(txn: &DatabaseTransaction) -> Result<(), DbErr> {
        run(txn, "ROLLBACK TO job").await
    }
}

/// As a statement that is kept prepared.
async fn run(txn: &DatabaseTransaction, sql: &str) -> Result<(), DbErr> {
    txn.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.map(drop)
}

/// A job with whoever waits for its answer.
pub(crate) struct Queued<F, T, E> {
    /// Begins it; `None` when it cannot be run any more.
    job: F,
    kind: Kind,
    /// What came of the last run.
    outcome: Option<Outcome<T, E>>,
    answer: oneshot::Sender<Outcome<T, E>>,
}

/// What a caller is told.
pub(crate) enum Outcome<T, E> {
    Ran(Result<T, Failure<E>>),
    Panicked(Box<dyn Any + Send>),
}

/// Whose failure it was that a write was not done.
pub(crate) enum Failure<E> {
    /// The job's own, which may be a refusal.
    Job(E),
    /// The database's.
    Store(Error),
}

impl<F, T, E> Queued<F, T, E> {
    /// With where the answer comes.
    pub(crate) fn new(job: F, kind: Kind) -> (Self, oneshot::Receiver<Outcome<T, E>>) {
        let (answer, answered) = oneshot::channel();
        (Self { job, kind, outcome: None, answer }, answered)
    }
}

impl<F, T, E> Job for Queued<F, T, E>
where
    F: for<'a> FnMut(&'a DatabaseTransaction) -> Option<BoxFuture<'a, Result<T, E>>> + Send,
    T: Send,
    E: Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn run<'a>(
        &'a mut self,
        txn: &'a DatabaseTransaction,
        savepoint: Option<Savepoint>,
    ) -> BoxFuture<'a, Result<Ran, DbErr>> {
        async move {
            self.outcome = None;
            if let Some(savepoint) = savepoint {
                savepoint.take(txn).await?;
            }
            let job = &mut self.job;
            let doing = AssertUnwindSafe(async {
                match job(txn) {
                    Some(doing) => Some(doing.await),
                    None => None,
                }
            });
            let outcome = match doing.catch_unwind().await {
                Ok(Some(outcome)) => Outcome::Ran(outcome.map_err(Failure::Job)),
                Ok(None) => return Err(DbErr::Custom("a job has run before".to_owned())),
                Err(payload) => Outcome::Panicked(payload),
            };
            let is_done = matches!(outcome, Outcome::Ran(Ok(_)));
            self.outcome = Some(outcome);
            if is_done {
                return Ok(Ran::Done);
            }
            if savepoint.is_some() {
                Savepoint::undo(txn).await?;
            }
            Ok(Ran::Failed)
        }
        .boxed()
    }

    fn answer(self: Box<Self>, committed: Result<(), DbErr>) {
        let outcome = match (self.outcome, committed) {
            (Some(Outcome::Ran(Ok(_))) | None, Err(why)) => {
                Outcome::Ran(Err(Failure::Store(Error::NotCommitted(why))))
            }
            (Some(outcome), _) => outcome,
            // It has not run, so there is nothing to tell but that.
            (None, Ok(())) => Outcome::Ran(Err(Failure::Store(Error::Closed))),
        };
        let _ = self.answer.send(outcome);
    }
}
