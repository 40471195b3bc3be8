//! What is written when events are appended, of however many instances.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Value};
use uuid::Uuid;
use wharf_domain::{
    event::EventId,
    ports::{Appended, Queued, QueuedDelivery},
};
use wharf_seal::Keyring;

use super::{
    appender::Batch,
    fan_out, media, messages,
    prepared::{Media, Prepared, kind_code},
    retention,
};
use crate::{
    error::{Error, Result},
    statement::{Sql, batches, inserts, values},
};

/// An event with its place in the log.
pub(super) struct Entry<'a> {
    pub(super) event: &'a Prepared,
    pub(super) instance: Uuid,
    pub(super) sequence: i64,
    /// Whether there is a bucket for its media.
    has_bucket: bool,
}

impl Entry<'_> {
    /// The media that its deliveries wait for.
    pub(super) fn media(&self) -> Option<&Media> {
        self.event.media.as_ref().filter(|_| self.has_bucket)
    }

    /// When its deliveries are due.
    pub(super) fn due(&self) -> i64 {
        self.media().map_or(self.event.recorded_at, |media| media.until)
    }

    fn row(&self) -> Vec<Value> {
        values![
            self.event.id,
            self.instance,
            self.sequence,
            kind_code(self.event.kind),
            self.event.recorded_at,
            self.event.key.clone(),
            self.event.body.clone(),
        ]
    }
}

/// What an append learns of an instance when it takes its row.
struct Taken {
    /// The last sequence before the next event.
    sequence: i64,
    has_bucket: bool,
}

/// What came of each batch; `None` where there is no such instance.
pub(super) async fn append(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    all: &[Batch],
) -> Result<Vec<Option<Vec<Appended>>>> {
    let mut taken = take_sequences(txn, all).await?;
    let mut entries = Vec::new();
    for batch in all {
        let Some(taken) = taken.get_mut(&batch.instance.0) else { continue };
        for event in &batch.events {
            taken.sequence += 1;
            let (instance, sequence) = (batch.instance.0, taken.sequence);
            entries.push(Entry { event, instance, sequence, has_bucket: taken.has_bucket });
        }
    }
    let new = write(txn, &entries).await?;
    let known = known(txn, entries.iter().filter(|entry| !new.contains(&entry.event.id))).await?;
    let is_known = |entry: &Entry<'_>| {
        let key = entry.event.key.as_ref().map(|key| (entry.instance, key.clone()));
        key.is_some_and(|key| known.contains_key(&key))
    };
    if !entries.iter().all(|entry| new.contains(&entry.event.id) || is_known(entry)) {
        return Err(Error::nonsense("event"));
    }
    entries.retain(|entry| new.contains(&entry.event.id));
    messages::apply(txn, &entries).await?;
    media::enqueue(txn, &entries).await?;
    let mut queued = fan_out::enqueue(txn, keyring, &entries).await?;
    let mut sequences: HashMap<_, _> =
        entries.iter().map(|entry| (entry.event.id, entry.sequence)).collect();
    let mut appended = |batch: &Batch, event: &Prepared| {
        if let Some(sequence) = sequences.remove(&event.id) {
            let deliveries: Vec<QueuedDelivery> = queued.remove(&event.id).unwrap_or_default();
            let queued = Some(Queued { sequence, deliveries });
            return Appended { id: EventId(event.id), is_new: true, queued };
        }
        let key = event.key.as_ref().map(|key| (batch.instance.0, key.clone()));
        let id = key.and_then(|key| known.get(&key)).unwrap_or(&event.id);
        Appended { id: EventId(*id), is_new: false, queued: None }
    };
    let mut answers = Vec::with_capacity(all.len());
    for batch in all {
        let is_there = taken.contains_key(&batch.instance.0);
        answers.push(
            is_there.then(|| batch.events.iter().map(|event| appended(batch, event)).collect()),
        );
    }
    Ok(answers)
}

/// Takes as many sequences as there are events. Holds the instances' rows from then on, so that appends to an instance
/// come one after the other.
async fn take_sequences(txn: &DatabaseTransaction, all: &[Batch]) -> Result<HashMap<Uuid, Taken>> {
    const COLUMNS: usize = 3;
    let backend = txn.get_database_backend();
    let mut wanted: HashMap<Uuid, (i64, i64)> = HashMap::new();
    for batch in all {
        let (count, size) = wanted.entry(batch.instance.0).or_default();
        *count += i64::try_from(batch.events.len()).unwrap_or(i64::MAX);
        *size += batch.events.iter().map(Prepared::size).sum::<i64>();
    }
    let rows: Vec<_> =
        wanted.iter().map(|(id, (count, size))| values![*id, *count, *size]).collect();
    let mut taken = HashMap::with_capacity(rows.len());
    for rows in batches(backend, COLUMNS, &rows) {
        let sql = Sql::new("WITH wanted (id, count, size) AS (VALUES ", vec![])
            .padded_rows(rows.iter().cloned())
            .push(
                ") UPDATE instance SET last_sequence = last_sequence + wanted.count,
                    log_bytes = log_bytes + wanted.size
                FROM wanted WHERE instance.id = wanted.id
                RETURNING instance.id AS id, instance.last_sequence AS last_sequence,
                    instance.s3 IS NOT NULL AS has_bucket",
            );
        for row in txn.query_all_raw(sql.on(backend)).await? {
            let id: Uuid = row.try_get("", "id")?;
            let last: i64 = row.try_get("", "last_sequence")?;
            let count = wanted.get(&id).map_or(0, |(count, _)| *count);
            let has_bucket = row.try_get("", "has_bucket")?;
            taken.insert(id, Taken { sequence: last - count, has_bucket });
        }
    }
    Ok(taken)
}

/// Writes the events whose keys are not in the log yet and gives their ids.
async fn write(txn: &DatabaseTransaction, entries: &[Entry<'_>]) -> Result<HashSet<Uuid>> {
    let insert_into =
        "INSERT INTO event (id, instance_id, sequence, kind, recorded_at, dedupe_key, body)";
    let unless_known = "ON CONFLICT DO NOTHING RETURNING id";
    let rows: Vec<_> = entries.iter().map(Entry::row).collect();
    let mut written = HashSet::with_capacity(entries.len());
    for statement in inserts(txn.get_database_backend(), insert_into, unless_known, &rows) {
        for row in txn.query_all_raw(statement).await? {
            written.insert(row.try_get("", "id")?);
        }
    }
    Ok(written)
}

/// The ids of the events that were in the log before, by instance and key. Their sizes do not count twice.
async fn known<'a>(
    txn: &DatabaseTransaction,
    repeats: impl Iterator<Item = &'a Entry<'a>>,
) -> Result<HashMap<(Uuid, String), Uuid>> {
    let backend = txn.get_database_backend();
    let mut of_instances: HashMap<Uuid, (Vec<String>, i64)> = HashMap::new();
    for entry in repeats {
        let (keys, size) = of_instances.entry(entry.instance).or_default();
        keys.extend(entry.event.key.clone());
        *size += entry.event.size();
    }
    let mut known = HashMap::new();
    for (instance, (keys, size)) in of_instances {
        retention::uncount(txn, instance, size).await?;
        for keys in batches(backend, 1, &keys) {
            let sql = Sql::new(
                "SELECT id, dedupe_key FROM event WHERE instance_id = $1 AND dedupe_key IN ",
                values![instance],
            )
            .list(keys.iter().map(|key| key.as_str().into()));
            for row in txn.query_all_raw(sql.on(backend)).await? {
                known.insert((instance, row.try_get("", "dedupe_key")?), row.try_get("", "id")?);
            }
        }
    }
    Ok(known)
}
