//! What of the log need not be kept any more.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;
use wharf_domain::{
    Timestamp,
    ports::{EventRetention, Pruned},
};
use wharf_sql::Database;

use crate::{
    error::{Error, Result},
    locks, micros,
    statement::{Run as _, Sql, id_batches, values},
};

/// Of whose events nothing is on its way, held or a dead letter, and no media is on its way to a bucket.
const SETTLED: &str = "NOT EXISTS (SELECT 1 FROM delivery d
        WHERE d.event_id = event.id AND d.status <> 3)
    AND NOT EXISTS (SELECT 1 FROM media_job m WHERE m.event_id = event.id AND m.status < 2)";

/// Where the search for old events goes on, so that those that have to stay are not looked at again by every batch:
/// when the last that was looked at was recorded.
#[derive(Debug)]
pub(super) struct Sweep(AtomicI64);

impl Default for Sweep {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

/// What a limit of bytes is exceeded by.
struct Excess(i64);

impl Excess {
    fn of(bytes: i64, most: Option<u64>) -> Self {
        let most = most.map_or(i64::MAX, |most| i64::try_from(most).unwrap_or(i64::MAX));
        Self(bytes.saturating_sub(most))
    }

    fn is_some(&self) -> bool {
        self.0 > 0
    }

    fn less(&mut self, bytes: i64) {
        self.0 -= bytes;
    }
}

/// What is to be removed, instance by instance.
type Doomed = BTreeMap<Uuid, Vec<Uuid>>;

pub(super) async fn prune(
    db: &Database,
    sweep: &Sweep,
    keep: &EventRetention,
    limit: u64,
) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    for (instance, letters) in dead_letters(db.reader(), keep, limit).await? {
        let job = db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { remove_dead(txn, instance, &letters).await })
        });
        let gone = job.await?;
        pruned.dead_letters += gone.dead_letters;
        pruned.events += gone.events;
    }
    let limit = limit.saturating_sub(pruned.events);
    for (instance, events) in events(db.reader(), sweep, keep, limit).await? {
        let job = db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                take(txn, instance).await?;
                remove_settled(txn, instance, &events).await
            })
        });
        pruned.events += job.await?;
    }
    Ok(pruned)
}

/// The dead letters that go, oldest first.
async fn dead_letters(
    db: &impl ConnectionTrait,
    keep: &EventRetention,
    limit: u64,
) -> Result<Doomed> {
    let before = bound(keep.dead_before);
    let mut excess = match keep.dead_max_bytes {
        None => Excess(0),
        most => {
            let sql = "SELECT CAST(COALESCE(SUM(dead_size), 0) AS BIGINT) AS bytes FROM delivery
                WHERE dead_since IS NOT NULL";
            Excess::of(bytes(db, sql).await?, most)
        }
    };
    let sql = "SELECT id, instance_id, dead_since, dead_size FROM delivery
        WHERE dead_since IS NOT NULL AND dead_since < $1 ORDER BY dead_since LIMIT $2";
    let end = if excess.is_some() { i64::MAX } else { before };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut doomed = Doomed::new();
    for row in db.all(sql, values![end, limit]).await? {
        if row.try_get::<i64>("", "dead_since")? >= before && !excess.is_some() {
            break;
        }
        excess.less(row.try_get("", "dead_size")?);
        let letters = doomed.entry(row.try_get("", "instance_id")?).or_default();
        letters.push(row.try_get("", "id")?);
    }
    Ok(doomed)
}

/// The events that go, oldest first.
async fn events(
    db: &impl ConnectionTrait,
    sweep: &Sweep,
    keep: &EventRetention,
    limit: u64,
) -> Result<Doomed> {
    let mut excess = match keep.max_bytes {
        None => Excess(0),
        most => {
            let sql = "SELECT CAST(COALESCE(SUM(log_bytes), 0) AS BIGINT) AS bytes FROM instance";
            Excess::of(bytes(db, sql).await?, most)
        }
    };
    let before = bound(keep.before);
    let end = if excess.is_some() { i64::MAX } else { before };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let from = sweep.0.load(Ordering::Relaxed);
    // What was passed over may be settled by now.
    let starts = if from == i64::MIN { vec![from] } else { vec![from, i64::MIN] };
    for from in starts {
        let mut doomed = Doomed::new();
        let sql = format!(
            "SELECT id, instance_id, recorded_at, length(body) AS size FROM event
            WHERE recorded_at >= $1 AND recorded_at < $2 AND {SETTLED}
            ORDER BY recorded_at LIMIT $3"
        );
        let mut last = i64::MIN;
        for row in db.all(&sql, values![from, end, limit]).await? {
            let recorded_at = row.try_get("", "recorded_at")?;
            if recorded_at >= before && !excess.is_some() {
                break;
            }
            excess.less(size(&row)?);
            last = recorded_at;
            doomed.entry(row.try_get("", "instance_id")?).or_default().push(row.try_get("", "id")?);
        }
        sweep.0.store(last, Ordering::Relaxed);
        if !doomed.is_empty() {
            return Ok(doomed);
        }
    }
    Ok(Doomed::new())
}

fn bound(before: Option<Timestamp>) -> i64 {
    before.map_or(i64::MIN, micros::from_time)
}

async fn bytes(db: &impl ConnectionTrait, sql: &str) -> Result<i64> {
    let row = db.one(sql, values![]).await?.ok_or(Error::nonsense("sum"))?;
    Ok(row.try_get("", "bytes")?)
}

/// The two databases have different numbers for a length.
fn size(row: &sea_orm::QueryResult) -> Result<i64> {
    match row.try_get::<i64>("", "size") {
        Ok(size) => Ok(size),
        Err(_) => Ok(row.try_get::<i32>("", "size")?.into()),
    }
}

/// Takes the instance's row: nothing is appended meanwhile, and nothing is queued once more.
async fn take(txn: &DatabaseTransaction, instance: Uuid) -> Result<()> {
    let lock = locks::for_change(txn.get_database_backend());
    txn.one(&format!("SELECT id FROM instance WHERE id = $1{lock}"), values![instance]).await?;
    Ok(())
}

/// Removes dead letters, and with the last of an event the event.
async fn remove_dead(
    txn: &DatabaseTransaction,
    instance: Uuid,
    letters: &[Uuid],
) -> Result<Pruned> {
    take(txn, instance).await?;
    let backend = txn.get_database_backend();
    let mut events = Vec::new();
    for letters in id_batches(letters) {
        let sql = Sql::new("DELETE FROM delivery WHERE status = 2 AND id IN ", values![])
            .ids(letters)
            .push(" RETURNING event_id");
        for row in txn.query_all_raw(sql.on(backend)).await? {
            events.push(row.try_get("", "event_id")?);
        }
    }
    let removed = remove_settled(txn, instance, &events).await?;
    Ok(Pruned { events: removed, dead_letters: events.len() as u64 })
}

/// Removes of these events those that are settled, with their deliveries, and says how many.
async fn remove_settled(txn: &DatabaseTransaction, instance: Uuid, events: &[Uuid]) -> Result<u64> {
    let backend = txn.get_database_backend();
    let (mut gone, mut freed) = (0, 0);
    for events in id_batches(events) {
        let sql = Sql::new("DELETE FROM event WHERE id IN ", values![])
            .ids(events)
            .push(&format!(" AND {SETTLED} RETURNING length(body) AS size"));
        for row in txn.query_all_raw(sql.on(backend)).await? {
            gone += 1;
            freed += size(&row)?;
        }
    }
    uncount(txn, instance, freed).await?;
    Ok(gone)
}

/// So many bytes of bodies are not in the log, or not any more.
pub(super) async fn uncount(txn: &DatabaseTransaction, instance: Uuid, bytes: i64) -> Result<()> {
    if bytes > 0 {
        let sql = "UPDATE instance SET log_bytes = log_bytes - $1 WHERE id = $2";
        txn.run(sql, values![bytes, instance]).await?;
    }
    Ok(())
}
