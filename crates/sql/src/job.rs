//! A piece of work for the one writer of a SQLite database.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, Statement};
use tokio::sync::oneshot;

use crate::{Error, Result};

/// Answers a job's caller, once it is known whether the batch was committed.
pub(crate) type Settle = Box<dyn FnOnce(Result<(), DbErr>) + Send>;

/// How a job went.
pub(crate) enum Ran {
    /// It is part of the transaction now.
    Done(Settle),
    /// It failed; its caller is told so once nothing of it is left. In a savepoint nothing is.
    Failed(Box<dyn FnOnce() + Send>),
}

pub(crate) trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Whether it is a single statement: what fails of that SQLite takes back by itself.
    fn is_atomic(&self) -> bool;

    /// Runs the job, in a savepoint where there is anything else to be spared. An error means that the whole transaction is
    /// unusable.
    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
        savepoint: Option<Savepoint>,
    ) -> BoxFuture<'_, Result<Ran, DbErr>>;

    /// Tells the caller that there is no transaction to run in.
    fn refuse(self: Box<Self>, why: DbErr);
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
    pub(crate) job: F,
    pub(crate) is_atomic: bool,
    pub(crate) answer: oneshot::Sender<Answer<T, E>>,
}

/// What its caller is told.
pub(crate) enum Answer<T, E> {
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

impl<F, T, E> Job for Queued<F, T, E>
where
    F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn is_atomic(&self) -> bool {
        self.is_atomic
    }

    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
        savepoint: Option<Savepoint>,
    ) -> BoxFuture<'_, Result<Ran, DbErr>> {
        async move {
            let Self { job, answer, .. } = *self;
            if let Some(savepoint) = savepoint
                && let Err(error) = savepoint.take(txn).await
            {
                return Err(refused(answer, error));
            }
            let outcome = AssertUnwindSafe(async { job(txn).await }).catch_unwind().await;
            let failure = match outcome {
                Ok(Ok(value)) => return Ok(Ran::Done(settle(answer, value))),
                Ok(Err(error)) => own(error),
                Err(payload) => Answer::Panicked(payload),
            };
            let undone = match savepoint {
                Some(_) => Savepoint::undo(txn).await,
                None => Ok(()),
            };
            let tell = tell(answer, failure);
            match undone {
                Ok(()) => Ok(Ran::Failed(tell)),
                Err(error) => {
                    tell();
                    Err(error)
                }
            }
        }
        .boxed()
    }

    fn refuse(self: Box<Self>, why: DbErr) {
        refused(self.answer, why);
    }
}

fn settle<T, E>(answer: oneshot::Sender<Answer<T, E>>, value: T) -> Settle
where
    T: Send + 'static,
    E: Send + 'static,
{
    Box::new(move |committed| {
        let result = committed.map(|()| value).map_err(not_committed);
        let _ = answer.send(Answer::Ran(result));
    })
}

fn tell<T, E>(
    answer: oneshot::Sender<Answer<T, E>>,
    failure: Answer<T, E>,
) -> Box<dyn FnOnce() + Send>
where
    T: Send + 'static,
    E: Send + 'static,
{
    Box::new(move || {
        let _ = answer.send(failure);
    })
}

fn refused<T, E>(answer: oneshot::Sender<Answer<T, E>>, why: DbErr) -> DbErr {
    let _ = answer.send(Answer::Ran(Err(not_committed(why.clone()))));
    why
}

fn not_committed<E>(why: DbErr) -> Failure<E> {
    Failure::Store(Error::NotCommitted(why))
}

fn own<T, E>(error: E) -> Answer<T, E> {
    Answer::Ran(Err(Failure::Job(error)))
}
