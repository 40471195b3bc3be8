//! A piece of work for the one writer of a SQLite database.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr, TransactionTrait as _};
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

    /// Runs the job, in a savepoint where it is not the first of the transaction. An error means that the whole
    /// transaction is unusable.
    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
        is_first: bool,
    ) -> BoxFuture<'_, Result<Ran, DbErr>>;

    /// Tells the caller that there is no transaction to run in.
    fn refuse(self: Box<Self>, why: DbErr);
}

/// A job with whoever waits for its answer.
pub(crate) struct Queued<F, T, E> {
    pub(crate) job: F,
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

    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
        is_first: bool,
    ) -> BoxFuture<'_, Result<Ran, DbErr>> {
        async move {
            let Self { job, answer } = *self;
            if is_first {
                let outcome = AssertUnwindSafe(async { job(txn).await }).catch_unwind().await;
                return Ok(match outcome {
                    Ok(Ok(value)) => Ran::Done(settle(answer, value)),
                    Ok(Err(error)) => Ran::Failed(tell(answer, own(error))),
                    Err(payload) => Ran::Failed(tell(answer, Answer::Panicked(payload))),
                });
            }
            let savepoint = match txn.begin().await {
                Ok(savepoint) => savepoint,
                Err(error) => return Err(refused(answer, error)),
            };
            let outcome = AssertUnwindSafe(async { job(&savepoint).await }).catch_unwind().await;
            let failure = match outcome {
                Ok(Ok(value)) => {
                    return match savepoint.commit().await {
                        Ok(()) => Ok(Ran::Done(settle(answer, value))),
                        Err(error) => Err(refused(answer, error)),
                    };
                }
                Ok(Err(error)) => own(error),
                Err(payload) => Answer::Panicked(payload),
            };
            let undone = savepoint.rollback().await;
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
