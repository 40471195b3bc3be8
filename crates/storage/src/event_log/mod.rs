//! The log: what is appended, what it does to messages, and who is to be told.

mod append;
mod appender;
mod fan_out;
mod media;
mod messages;
mod prepared;
mod read;
mod retention;

use std::sync::Arc;

use async_trait::async_trait;
use wharf_domain::{
    Resource, Result,
    event::{Event, NewEvent},
    instance::InstanceId,
    ports::{Appended, EventLog, EventRetention, LogStart, Pruned},
};
use wharf_seal::Keyring;
use wharf_sql::{Database, Together};

use crate::{
    error::{self, Error},
    statement::{Run as _, values},
};
use appender::{Appender, Batch};
use prepared::Prepared;

pub(crate) use fan_out::delivery_id;
pub(crate) use prepared::{EVENT_BODY, SEALED, StoredEvent, kind_code, read_kind};
pub(crate) use read::place;

/// The log in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmEventLog {
    db: Database,
    keyring: Arc<Keyring>,
    appends: Together<Appender>,
    sweep: Arc<retention::Sweep>,
}

impl SeaOrmEventLog {
    /// Works on `db`, whose schema is up to date, with tasks on the current tokio runtime that end with the last clone.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        let appends = Together::new(db.clone(), Appender { keyring: keyring.clone() });
        Self { db, keyring, appends, sweep: Arc::default() }
    }
}

#[async_trait]
impl EventLog for SeaOrmEventLog {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let prepared = events.iter().map(|event| Prepared::new(&self.keyring, instance, event));
        let events = prepared.collect::<error::Result<_>>()?;
        let appended = self.appends.ask(Batch { instance, events }).await?;
        Ok(appended.ok_or_else(|| Error::not_found(Resource::Instance))?)
    }

    async fn read(&self, instance: InstanceId, from: LogStart, limit: usize) -> Result<Vec<Event>> {
        Ok(read::events(self.db.reader(), &self.keyring, instance, from, limit).await?)
    }

    async fn end(&self, instance: InstanceId) -> Result<i64> {
        let sql = "SELECT last_sequence FROM instance WHERE id = $1";
        let row = self.db.reader().one(sql, values![instance.0]).await?;
        let end = row.map(|row| row.try_get("", "last_sequence")).transpose();
        Ok(end.map_err(Error::from)?.unwrap_or_default())
    }

    async fn prune(&self, keep: &EventRetention, limit: u64) -> Result<Pruned> {
        Ok(retention::prune(&self.db, &self.sweep, keep, limit).await?)
    }
}
