//! The one writer of a SQLite database: a thread that shares each transaction among all jobs that
//! are waiting for it.

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

use crate::job::{Answer, Failure, Job, Queued, Ran, Savepoint};
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
            held: None,
            commits: commits.clone(),
        };
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || runtime.block_on(task.run()))
            .map_err(no_thread)?;
        Ok(Self { requests, commits })
    }

    /// A job that is atomic is a single statement.
    pub(crate) async fn write<F, T, E>(&self, job: F, is_atomic: bool) -> Result<T, Failure<E>>
    where
        F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Queued { job, is_atomic, answer });
        let closed = || Failure::Store(Error::Closed);
        self.requests.send(Request::Write(job)).await.map_err(|_| closed())?;
        match answered.await.map_err(|_| closed())? {
            Answer::Ran(result) => result,
            Answer::Panicked(payload) => resume_unwind(payload),
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
    /// Taken from the queue when it had no place in the last batch.
    held: Option<Request>,
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
        match self.held.take() {
            Some(request) => Some(request),
            None => self.requests.recv().await,
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
                first.refuse(error);
                return;
            }
        };
        let mut waiting = Vec::new();
        let mut broken = None;
        let mut savepoint = Savepoint::First;
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(job) = next.take() else { break };
            if !job.is_abandoned() {
                // The first has nothing to spare but itself, so it needs no savepoint.
                let is_first = waiting.is_empty();
                let needed = !is_first && !job.is_atomic();
                let taken = needed.then(|| std::mem::replace(&mut savepoint, Savepoint::Next));
                match job.run(&txn, taken).await {
                    Ok(Ran::Done(settle)) => waiting.push(settle),
                    Ok(Ran::Failed(tell)) if is_first => {
                        self.undo(txn).await;
                        tell();
                        return;
                    }
                    Ok(Ran::Failed(tell)) => tell(),
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
                // A savepoint taken now would be a transaction of its own.
                if self.rollbacks.load(Ordering::SeqCst) != rollbacks {
                    broken = Some(DbErr::Custom("the transaction was rolled back".to_owned()));
                    break;
                }
            }
            match self.requests.try_recv() {
                Ok(Request::Write(job)) => next = Some(job),
                Ok(request) => self.held = Some(request),
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
        self.held = next.map(Request::Write).or(self.held.take());
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
