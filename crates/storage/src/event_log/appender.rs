//! Appends that wait for SQLite's one writer are written together: a statement for twenty events costs little more than one
//! for a single event.

use std::sync::Arc;

use sea_orm::DbBackend;
use tokio::sync::{mpsc, oneshot};
use wharf_domain::{Resource, instance::InstanceId, ports::Appended};
use wharf_seal::Keyring;
use wharf_sql::Database;

use super::{append::append, prepared::Prepared};
use crate::error::{Error, Result};

/// Appends that may wait before callers have to.
const QUEUE: usize = 1024;
/// Appends to a step, so that the first of them is not kept waiting for ever.
const AT_ONCE: usize = 64;

/// Events of one instance that are appended together, all or none.
pub(super) struct Batch {
    pub(super) instance: InstanceId,
    pub(super) events: Vec<Prepared>,
}

struct Request {
    batch: Batch,
    answer: oneshot::Sender<Result<Vec<Appended>>>,
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
            let alone = Self { db: db.clone(), keyring: keyring.clone(), together: None };
            tokio::spawn(async move { alone.run(incoming).await });
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
    async fn run(self, mut incoming: mpsc::Receiver<Request>) {
        let mut requests = Vec::new();
        while incoming.recv_many(&mut requests, AT_ONCE).await > 0 {
            let (batches, answers): (Vec<_>, Vec<_>) =
                requests.drain(..).map(|request| (request.batch, request.answer)).unzip();
            let batches = Arc::new(batches);
            match self.write(batches.clone()).await {
                Ok(appended) => {
                    for (appended, answer) in appended.into_iter().zip(answers) {
                        // Whoever asked may have gone away.
                        let _ = answer.send(appended.ok_or(Error::not_found(Resource::Instance)));
                    }
                }
                // One may have spoilt it for all.
                Err(error) => {
                    tracing::debug!(%error, "events could not be appended together");
                    let batches = Arc::into_inner(batches).unwrap_or_default();
                    for (batch, answer) in batches.into_iter().zip(answers) {
                        let _ = answer.send(self.write_one(batch).await);
                    }
                }
            }
        }
    }

    async fn write_one(&self, batch: Batch) -> Result<Vec<Appended>> {
        let appended = self.write(Arc::new(vec![batch])).await?;
        appended.into_iter().flatten().next().ok_or(Error::not_found(Resource::Instance))
    }

    /// In one step. What came of each batch; `None` where there is no such instance.
    async fn write(&self, batches: Arc<Vec<Batch>>) -> Result<Vec<Option<Vec<Appended>>>> {
        let keyring = self.keyring.clone();
        let written = self.db.write(move |txn| {
            Box::pin(async move { append(txn, &keyring, &batches).await })
        });
        written.await
    }
}
