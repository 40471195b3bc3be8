use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    Statement, TransactionTrait as _,
};
use tokio::time::Instant;

use crate::config::{WriteObserver, Written};
use crate::job::{Failure, Kind};
use crate::writer::Writer;
use crate::{Config, Error, Result, open};

/// A handle on the open database; clones share it.
#[derive(Clone)]
pub struct Database {
    reader: DatabaseConnection,
    /// SQLite only: PostgreSQL orders its writers itself.
    writer: Option<Arc<Writer>>,
    write_observer: Option<WriteObserver>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database and, for SQLite, starts its writer in a thread that ends once nothing can be written any more.
    ///
    /// A SQLite file that does not exist is made. The schema is left as it is.
    pub async fn open(config: &Config) -> Result<Self> {
        let write_observer = config.write_observer.clone();
        if open::is_postgres(&config.url) {
            return Ok(Self {
                reader: open::postgres(config).await?,
                writer: None,
                write_observer,
            });
        }
        let sqlite = open::sqlite(config).await?;
        let writer = Some(Arc::new(Writer::start(sqlite.writer, sqlite.in_memory)?));
        Ok(Self { reader: sqlite.reader, writer, write_observer })
    }

    /// For reading. Sees every write that was answered before.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Which of the two databases it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Runs `job` in a transaction: when this answers `Ok`, all its changes are durable; when it
    /// answers an error, none is there.
    ///
    /// A caller that goes away before the answer may leave the changes done or not done, never half
    /// done. A panic of the job is a panic of the caller's.
    pub async fn write<F, T, E>(&self, job: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let write = async {
            match &self.writer {
                Some(writer) => {
                    let mut job = Some(job);
                    writer.write(move |txn| job.take().map(|job| job(txn)), Kind::Once).await
                }
                None => self.carry_out(job).await,
            }
        };
        self.observed(write).await.map_err(failed)
    }

    /// As [`write`](Self::write), for less: for a `job` that seldom fails and can be run again. It is, as often as it was taken
    /// back because another failed with which it shared a transaction; what it answers is of the last time.
    pub async fn write_repeatable<F, T, E>(&self, job: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let write = async {
            match &self.writer {
                Some(writer) => writer.write(move |txn| Some(job(txn)), Kind::Repeatable).await,
                None => self.carry_out(job).await,
            }
        };
        self.observed(write).await.map_err(failed)
    }

    /// Runs one statement; as [`write`](Self::write), for less.
    pub async fn execute(&self, statement: Statement) -> Result<ExecResult> {
        let write = async {
            let Some(writer) = &self.writer else {
                // To PostgreSQL a statement is a transaction of its own; a begin and a commit would only cost two more
                // round trips.
                return self.reader.execute_raw(statement).await.map_err(Failure::Job);
            };
            let mut statement = Some(statement);
            writer.write(move |txn| Some(txn.execute_raw(statement.take()?)), Kind::Statement).await
        };
        // What fails of a statement is the database's failure.
        let write = async {
            write.await.map_err(|failure: Failure<DbErr>| match failure {
                Failure::Job(error) => Failure::<Error>::Store(Error::Statement(error)),
                Failure::Store(error) => Failure::Store(error),
            })
        };
        self.observed(write).await.map_err(|failure| match failure {
            Failure::Job(error) | Failure::Store(error) => error,
        })
    }

    /// Tells the observer how long a write took.
    async fn observed<T, E>(
        &self,
        write: impl Future<Output = Result<T, Failure<E>>>,
    ) -> Result<T, Failure<E>> {
        let asked = Instant::now();
        let outcome = write.await;
        if let Some(observer) = &self.write_observer {
            let failed = matches!(outcome, Err(Failure::Store(_)));
            observer(Written { elapsed: asked.elapsed(), failed });
        }
        outcome
    }

    /// In a transaction of its own.
    async fn carry_out<F, T, E>(&self, job: F) -> Result<T, Failure<E>>
    where
        F: for<'a> FnOnce(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, E>>,
    {
        let not_committed = |error| Failure::Store(Error::NotCommitted(error));
        let txn = self.reader.begin().await.map_err(not_committed)?;
        match job(&txn).await {
            Ok(value) => {
                txn.commit().await.map_err(not_committed)?;
                Ok(value)
            }
            Err(error) => {
                // Should this fail, the connection is broken and the server rolls back by itself.
                let _ = txn.rollback().await;
                Err(Failure::Job(error))
            }
        }
    }

    /// Leaves nothing on the disk of what was overwritten or removed. A SQLite file is written anew, for which there has to be
    /// room for a second one, and nobody may be reading meanwhile; PostgreSQL sees to its disk by itself, and nothing is done.
    pub async fn compact(&self) -> Result<()> {
        match &self.writer {
            Some(writer) => writer.compact().await,
            None => Ok(()),
        }
    }

    /// How many transactions the SQLite writer has committed; `None` on PostgreSQL.
    #[must_use]
    pub fn commits(&self) -> Option<u64> {
        self.writer.as_ref().map(|writer| writer.commits())
    }

    /// Finishes what is waiting to be written and closes all connections; later calls on any clone
    /// fail.
    pub async fn close(&self) -> Result<()> {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.reader.close_by_ref().await.map_err(Error::Statement)
    }
}

fn failed<E: From<Error>>(failure: Failure<E>) -> E {
    match failure {
        Failure::Job(error) => error,
        Failure::Store(error) => error.into(),
    }
}
