//! The one writer of a SQLite database: a task that shares each transaction among all jobs that
//! are waiting for it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::{mpsc, oneshot};

use crate::{Error, Result};

/// Jobs that may wait before callers have to.
const QUEUE: usize = 1024;
/// Jobs to a transaction, so that the first of them is not kept waiting for ever.
const BATCH: usize = 256;

#[derive(Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    commits: Arc<AtomicU64>,
}

enum Request {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// Answers a job's caller, once it is known whether the batch was committed.
type Settle = Box<dyn FnOnce(Result<(), DbErr>) + Send>;

trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Runs the job in a savepoint. An error means that the whole transaction is unusable.
    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
    ) -> BoxFuture<'_, Result<Option<Settle>, DbErr>>;

    /// Tells the caller that there is no transaction to run in.
    fn refuse(self: Box<Self>, why: DbErr);
}

struct Queued<F, T, E> {
    job: F,
    answer: oneshot::Sender<Answer<T, E>>,
}

enum Answer<T, E> {
    Ran(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
}

impl Writer {
    pub(crate) fn start(connection: DatabaseConnection, in_memory: bool) -> Self {
        let (requests, receiver) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let task = Task {
            connection,
            in_memory,
            requests: receiver,
            held: None,
            commits: commits.clone(),
        };
        tokio::spawn(task.run());
        Self { requests, commits }
    }

    pub(crate) async fn write<F, T, E>(&self, job: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let request = Request::Write(Box::new(Queued { job, answer }));
        self.requests.send(request).await.map_err(|_| Error::Closed)?;
        match answered.await.map_err(|_| Error::Closed)? {
            Answer::Ran(result) => result,
            Answer::Panicked(payload) => resume_unwind(payload),
        }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.requests.send(Request::Close(done)).await.is_ok() {
            // An error means that the task is gone, which is as closed as can be.
            let _ = closed.await;
        }
    }
}

struct Task {
    connection: DatabaseConnection,
    in_memory: bool,
    requests: mpsc::Receiver<Request>,
    /// Taken from the queue when the last batch was already full.
    held: Option<Box<dyn Job>>,
    commits: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self) {
        let mut closing = None;
        while closing.is_none()
            && let Some(request) = self.next_request().await
        {
            match request {
                Request::Write(job) => closing = self.batch(job).await,
                Request::Close(done) => closing = Some(done),
            }
        }
        self.requests.close();
        if let Err(error) = self.connection.close_by_ref().await {
            tracing::warn!(%error, "the database writer did not close cleanly");
        }
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    async fn next_request(&mut self) -> Option<Request> {
        match self.held.take() {
            Some(job) => Some(Request::Write(job)),
            None => self.requests.recv().await,
        }
    }

    /// Runs `first` and all that wait behind it in one transaction, commits, and answers them.
    async fn batch(&mut self, first: Box<dyn Job>) -> Option<oneshot::Sender<()>> {
        let immediate = TransactionOptions {
            // A deferred one could find, at its first write, that it reads from an old snapshot.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = match self.connection.begin_with_options(immediate).await {
            Ok(txn) => txn,
            Err(error) => {
                first.refuse(error);
                return None;
            }
        };
        let mut waiting = Vec::new();
        let mut closing = None;
        let mut broken = None;
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(job) = next.take() else { break };
            if !job.is_abandoned() {
                match job.run(&txn).await {
                    Ok(settle) => waiting.extend(settle),
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
            match self.requests.try_recv() {
                Ok(Request::Write(job)) => next = Some(job),
                Ok(Request::Close(done)) => closing = Some(done),
                Err(_) => {}
            }
        }
        let outcome = match broken {
            None => txn.commit().await,
            Some(error) => {
                drop(txn);
                Err(error)
            }
        };
        match &outcome {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::error!(%error, "a batch of writes was not committed");
                self.replace_connection().await;
            }
        }
        for settle in waiting {
            settle(outcome.clone());
        }
        self.held = next;
        closing
    }

    /// A transaction that ended in an unknown way must not be what the next one starts from.
    async fn replace_connection(&mut self) {
        if self.in_memory {
            return;
        }
        let pool = self.connection.get_sqlite_connection_pool();
        match pool.acquire().await {
            Ok(connection) => {
                if let Err(error) = connection.close().await {
                    tracing::warn!(%error, "a broken database connection did not close cleanly");
                }
            }
            Err(error) => tracing::warn!(%error, "no connection to replace"),
        }
    }
}

impl<F, T, E> Job for Queued<F, T, E>
where
    F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(
        self: Box<Self>,
        txn: &DatabaseTransaction,
    ) -> BoxFuture<'_, Result<Option<Settle>, DbErr>> {
        async move {
            let Self { job, answer } = *self;
            let savepoint = match txn.begin().await {
                Ok(savepoint) => savepoint,
                Err(error) => return Err(refused(answer, error)),
            };
            let outcome = AssertUnwindSafe(async { job(&savepoint).await }).catch_unwind().await;
            match outcome {
                Ok(Ok(value)) => match savepoint.commit().await {
                    Ok(()) => Ok(Some(settle(answer, value))),
                    Err(error) => Err(refused(answer, error)),
                },
                Ok(Err(error)) => {
                    let undone = savepoint.rollback().await;
                    let _ = answer.send(Answer::Ran(Err(error)));
                    undone.map(|()| None)
                }
                Err(payload) => {
                    let undone = savepoint.rollback().await;
                    let _ = answer.send(Answer::Panicked(payload));
                    undone.map(|()| None)
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
    E: From<Error> + Send + 'static,
{
    Box::new(move |committed| {
        let result = committed.map(|()| value).map_err(|error| Error::NotCommitted(error).into());
        let _ = answer.send(Answer::Ran(result));
    })
}

fn refused<T, E: From<Error>>(answer: oneshot::Sender<Answer<T, E>>, why: DbErr) -> DbErr {
    let _ = answer.send(Answer::Ran(Err(Error::NotCommitted(why.clone()).into())));
    why
}
