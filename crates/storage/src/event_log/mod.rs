//! The log: what is appended, what it does to messages, and who is to be told.

mod fan_out;
mod media;
mod messages;
mod prepared;
mod read;
mod retention;
mod single;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};
use uuid::Uuid;
use wharf_domain::{
    Resource, Result,
    event::{Event, EventId, NewEvent},
    instance::InstanceId,
    ports::{Appended, EventLog, EventRetention, LogStart, Pruned},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    statement::{Run as _, Sql, batches, values},
};
use prepared::Prepared;

pub(crate) use fan_out::delivery_id;
pub(crate) use prepared::{EVENT_BODY, SEALED, StoredEvent, kind_code, read_kind};
pub(crate) use read::place;

/// The log in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmEventLog {
    db: Database,
    keyring: Arc<Keyring>,
    sweep: Arc<retention::Sweep>,
}

impl SeaOrmEventLog {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring, sweep: Arc::default() }
    }
}

/// What an append learns of the instance when it takes its row.
struct Taken {
    /// The last sequence before those of this append.
    sequence: i64,
    has_bucket: bool,
}

/// Takes as many sequences as there are events. Holds the instance's row from then on, so that appends to an instance
/// come one after the other.
async fn take_sequences(
    txn: &DatabaseTransaction,
    instance: InstanceId,
    events: &[Prepared],
) -> error::Result<Taken> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let size: i64 = events.iter().map(Prepared::size).sum();
    let sql = "UPDATE instance SET last_sequence = last_sequence + $1, log_bytes = log_bytes + $3
        WHERE id = $2 RETURNING last_sequence, s3 IS NOT NULL AS has_bucket";
    let row = txn.one(sql, values![count, instance.0, size]).await?;
    let row = row.ok_or(Error::not_found(Resource::Instance))?;
    let last: i64 = row.try_get("", "last_sequence")?;
    Ok(Taken { sequence: last - count, has_bucket: row.try_get("", "has_bucket")? })
}

/// Writes the events whose keys are not in the log yet and gives their ids.
async fn write(
    txn: &DatabaseTransaction,
    instance: InstanceId,
    events: &[Prepared],
) -> error::Result<HashSet<Uuid>> {
    const COLUMNS: usize = 7;
    let backend = txn.get_database_backend();
    let mut written = HashSet::with_capacity(events.len());
    for events in batches(backend, COLUMNS, events) {
        let rows = events.iter().map(|event| event.row(instance));
        let sql = Sql::new(
            "INSERT INTO event (id, instance_id, sequence, kind, recorded_at, dedupe_key, body) VALUES ",
            vec![],
        )
        .rows(rows)
        .push(" ON CONFLICT (instance_id, dedupe_key) DO NOTHING RETURNING id");
        for row in txn.query_all_raw(sql.on(backend)).await? {
            written.insert(row.try_get("", "id")?);
        }
    }
    Ok(written)
}

/// The ids of the events that were in the log before, by key.
async fn known(
    txn: &DatabaseTransaction,
    instance: InstanceId,
    keys: &[String],
) -> error::Result<HashMap<String, Uuid>> {
    let backend = txn.get_database_backend();
    let mut known = HashMap::new();
    for keys in batches(backend, 1, keys) {
        let sql = Sql::new(
            "SELECT id, dedupe_key FROM event WHERE instance_id = $1 AND dedupe_key IN ",
            values![instance.0],
        )
        .list(keys.iter().map(|key| key.as_str().into()));
        for row in txn.query_all_raw(sql.on(backend)).await? {
            known.insert(row.try_get("", "dedupe_key")?, row.try_get("", "id")?);
        }
    }
    Ok(known)
}

async fn append(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    instance: InstanceId,
    mut events: Vec<Prepared>,
) -> error::Result<Vec<Appended>> {
    let Taken { mut sequence, has_bucket } = take_sequences(txn, instance, &events).await?;
    for event in &mut events {
        sequence += 1;
        event.media = event.media.take().filter(|_| has_bucket);
        event.sequence = sequence;
    }
    let new = write(txn, instance, &events).await?;
    let repeats = events.iter().filter(|event| !new.contains(&event.id));
    retention::uncount(txn, instance, repeats.clone().map(Prepared::size).sum()).await?;
    let repeated: Vec<_> = repeats.filter_map(|event| event.key.clone()).collect();
    let known = known(txn, instance, &repeated).await?;
    let appended =
        events.iter().map(|event| match event.key.as_ref().and_then(|key| known.get(key)) {
            // The key of a new event is known too when it was repeated within this very append.
            Some(id) if !new.contains(&event.id) => Appended { id: EventId(*id), is_new: false },
            _ => Appended { id: EventId(event.id), is_new: true },
        });
    let appended = appended.collect();
    events.retain(|event| new.contains(&event.id));
    messages::apply(txn, instance, &mut events).await?;
    media::enqueue(txn, instance, &events).await?;
    fan_out::enqueue(txn, keyring, instance, &events).await?;
    Ok(appended)
}

#[async_trait]
impl EventLog for SeaOrmEventLog {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let prepared = events.iter().map(|event| Prepared::new(&self.keyring, instance, event));
        let mut prepared = prepared.collect::<error::Result<Vec<_>>>()?;
        if self.db.backend() == DbBackend::Sqlite
            && prepared.len() == 1
            && let Some(only) = prepared.pop()
        {
            return Ok(vec![single::append(&self.db, instance, only).await?]);
        }
        let keyring = self.keyring.clone();
        let appended = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { append(txn, &keyring, instance, prepared).await })
        });
        Ok(appended.await?)
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
