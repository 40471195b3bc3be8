//! The one writer of a SQLite database: a thread that shares each transaction among all jobs that
//! are waiting for it.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::job::{Failure, Job, Kind, Outcome, Queued, Ran, Savepoint};
use crate::open::SqliteWriter;
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
    Compact(oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// In a thread of its own. A job is a few short exchanges with the thread that SQLite runs in, and the next job waits for
    /// all of them: among the tasks of a busy runtime each exchange would wait for its turn.
    pub(crate) fn start(sqlite: SqliteWriter, in_memory: bool) -> Result<Self> {
        let no_thread = |error: std::io::Error| Error::Open(DbErr::Custom(error.to_string()));
        // The pool measures how long a connection takes.
        let runtime = Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
        let SqliteWriter { connection, rollbacks } = sqlite;
        let (requests, receiver) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let task = Task {
            connection,
            rollbacks,
            in_memory,
            requests: receiver,
            held: VecDeque::new(),
            commits: commits.clone(),
        };
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || runtime.block_on(task.run()))
            .map_err(no_thread)?;
        Ok(Self { requests, commits })
    }

    pub(crate) async fn write<F, T, E>(&self, job: F, kind: Kind) -> Result<T, Failure<E>>
    where
        F: for<'a> FnMut(&'a DatabaseTransaction) -> Option<BoxFuture<'a, Result<T, E>>>
            + Send
            + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (job, answered) = Queued::new(job, kind);
        let closed = || Failure::Store(Error::Closed);
        self.requests.send(Request::Write(Box::new(job))).await.map_err(|_| closed())?;
        match answered.await.map_err(|_| closed())? {
            Outcome::Ran(result) => result,
            Outcome::Panicked(payload) => resume_unwind(payload),
        }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) async fn compact(&self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Compact(answer)).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
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
    rollbacks: Arc<AtomicU64>,
    in_memory: bool,
    requests: mpsc::Receiver<Request>,
    /// Taken from the queue, and to be done before what is still there: it had no place in the last batch, or was undone with it.
    held: VecDeque<Request>,
    commits: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self) {
        let mut closing = None;
        while closing.is_none()
            && let Some(request) = self.next_request().await
        {
            match request {
                Request::Write(job) => self.batch(job).await,
                Request::Compact(answer) => {
                    let _ = answer.send(self.compact().await.map_err(Error::Statement));
                }
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
        match self.held.pop_front() {
            Some(request) => Some(request),
            None => self.requests.recv().await,
        }
    }

    /// The next job, if that is what comes next.
    fn next_job(&mut self) -> Option<Box<dyn Job>> {
        match self.held.pop_front().or_else(|| self.requests.try_recv().ok())? {
            Request::Write(job) => Some(job),
            request => {
                self.held.push_front(request);
                None
            }
        }
    }

    /// Puts jobs before all others.
    fn hold(&mut self, jobs: impl DoubleEndedIterator<Item = Box<dyn Job>>) {
        for job in jobs.rev() {
            self.held.push_front(Request::Write(job));
        }
    }

    /// Writes the file anew and empties the write-ahead log into it.
    async fn compact(&mut self) -> Result<(), DbErr> {
        self.connection.execute_unprepared("VACUUM").await?;
        self.connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        Ok(())
    }

    /// Runs `first` and all that wait behind it in one transaction, commits, and answers them.
    async fn batch(&mut self, first: Box<dyn Job>) {
        let immediate = TransactionOptions {
            // A deferred one could find, at its first write, that it reads from an old snapshot.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let rollbacks = self.rollbacks.load(Ordering::SeqCst);
        let txn = match self.connection.begin_with_options(immediate).await {
            Ok(txn) => txn,
            Err(error) => {
                first.answer(Err(error));
                return;
            }
        };
        let mut done: Vec<Box<dyn Job>> = Vec::new();
        let mut broken = None;
        let mut savepoint = Savepoint::First;
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(mut job) = next.take() else { break };
            if !job.is_abandoned() {
                let is_spared = needs_savepoint(job.kind(), &done);
                let taken = is_spared.then(|| std::mem::replace(&mut savepoint, Savepoint::Next));
                let ran = job.run(&txn, taken).await;
                // A savepoint taken now would be a transaction of its own.
                let is_lost = self.rollbacks.load(Ordering::SeqCst) != rollbacks;
                match ran {
                    Err(error) => broken = Some(error),
                    Ok(_) if is_lost => {
                        broken = Some(DbErr::Custom("the transaction was rolled back".to_owned()));
                    }
                    Ok(Ran::Done) => {}
                    Ok(Ran::Failed) if is_spared || job.kind() == Kind::Statement => {
                        job.answer(Ok(()));
                        next = self.next_job();
                        continue;
                    }
                    Ok(Ran::Failed) => {
                        self.undo(txn).await;
                        job.answer(Ok(()));
                        self.hold(done.into_iter());
                        return;
                    }
                }
                done.push(job);
                if broken.is_some() {
                    break;
                }
            }
            next = self.next_job();
        }
        self.hold(next.into_iter());
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
        for job in done {
            job.answer(outcome.clone());
        }
    }

    async fn undo(&mut self, txn: DatabaseTransaction) {
        if let Err(error) = txn.rollback().await {
            tracing::error!(%error, "a failed write was not rolled back cleanly");
            self.replace_connection().await;
        }
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

/// Whether others have to be spared should a job of that kind fail: those before it in the transaction, unless they can be run
/// again, and seldom have to. What runs once may fail often, being refused.
fn needs_savepoint(kind: Kind, before: &[Box<dyn Job>]) -> bool {
    match kind {
        Kind::Once => !before.is_empty(),
        Kind::Statement => false,
        Kind::Repeatable => before.iter().any(|job| job.kind() != Kind::Repeatable),
    }
}
