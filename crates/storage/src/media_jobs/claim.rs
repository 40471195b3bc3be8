use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    event::{EventBody, EventId},
    instance::InstanceId,
    media::MediaJob,
};
use wharf_seal::Keyring;

use super::shares;
use crate::{
    encoding,
    error::{Error, Result},
    event_log::EVENT_BODY,
    locks, message_row, micros,
    statement::{Sql, batches, values},
};

/// As many as one claim can give: SQLite joins at most 500 queries into one, and every instance has one.
const MOST: usize = 400;

/// Claims what is due and gives its rows, still sealed, those that have waited longest first.
pub(super) async fn claim(
    txn: &DatabaseTransaction,
    now: i64,
    limit: usize,
    share: usize,
) -> Result<Vec<QueryResult>> {
    let backend = txn.get_database_backend();
    locks::own_media_claims(txn).await?;
    let claimed = due(txn, now, limit.min(MOST), share).await?;
    let mut rows = Vec::with_capacity(claimed.len());
    for claimed in batches(backend, 1, &claimed) {
        let sql = Sql::new("UPDATE media_job SET status = 1 WHERE event_id IN ", values![])
            .list(claimed.iter().map(|event| (*event).into()));
        txn.execute_raw(sql.on(backend)).await?;
        let sql = Sql::new(
            "SELECT j.event_id, j.instance_id, j.message_id, j.chat, j.sender, j.attempts,
                e.recorded_at, e.body, m.raw
            FROM media_job j JOIN event e ON e.id = j.event_id
            LEFT JOIN message m ON m.instance_id = j.instance_id AND m.message_id = j.message_id
                AND m.chat = j.chat AND m.sender = j.sender
            WHERE j.event_id IN ",
            vec![],
        )
        .list(claimed.iter().map(|event| (*event).into()))
        .push(" ORDER BY j.due_at, j.sequence, j.event_id");
        rows.extend(txn.query_all_raw(sql.on(backend)).await?);
    }
    Ok(rows)
}

/// The jobs that have waited longest, of no instance more than its share, but for those that somebody else changes.
async fn due(txn: &DatabaseTransaction, now: i64, limit: usize, share: usize) -> Result<Vec<Uuid>> {
    let mut shares = shares::with_room(txn, share).await?;
    shares.retain(|share| share.due <= now);
    // Each has a job at least, so the jobs that are looked for are of the first so many instances.
    shares.sort_by_key(|share| share.due);
    shares.truncate(limit);
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let backend = txn.get_database_backend();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut sql = Sql::new("SELECT event_id FROM (", values![now, limit]);
    for (index, share) in shares.iter().enumerate() {
        sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql = sql
            .push(
                "SELECT * FROM (SELECT event_id, due_at, sequence FROM media_job WHERE status = 0",
            )
            .push(" AND due_at <= $1 AND instance_id = ")
            .value(share.instance)
            .push(" ORDER BY due_at, sequence LIMIT ")
            .value(share.room)
            .push(&format!(") AS of_{index}"));
    }
    let sql = sql.push(") AS due ORDER BY due_at, sequence LIMIT $2");
    let due = ids(&txn.query_all_raw(sql.on(backend)).await?)?;
    if backend != DbBackend::Postgres || due.is_empty() {
        return Ok(due);
    }
    let lock = Sql::new("SELECT event_id FROM media_job WHERE status = 0 AND event_id IN ", vec![])
        .list(due.into_iter().map(Into::into))
        .push(locks::skip_locked(backend));
    ids(&txn.query_all_raw(lock.on(backend)).await?)
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>> {
    rows.iter().map(|row| Ok(row.try_get("", "event_id")?)).collect()
}

/// Reads a row that [`claim`] gave; `None` where the message is not stored any more.
pub(super) fn open(
    keyring: &Keyring,
    event: EventId,
    row: &QueryResult,
) -> Result<Option<MediaJob>> {
    let Some(raw) = message_row::read_raw(keyring, row)? else { return Ok(None) };
    let body: Vec<u8> = row.try_get("", "body")?;
    let body = EVENT_BODY.open(keyring, event.0.as_bytes(), &body)?;
    let EventBody::Message(message) = encoding::decode_event(&body)? else {
        return Err(Error::nonsense("media job"));
    };
    let attempts: i32 = row.try_get("", "attempts")?;
    Ok(Some(MediaJob {
        event,
        instance: InstanceId(row.try_get("", "instance_id")?),
        message: *message,
        raw,
        attempts: u32::try_from(attempts).map_err(|_| Error::nonsense("attempts"))?,
        recorded_at: micros::to_time(row.try_get("", "recorded_at")?)?,
    }))
}
