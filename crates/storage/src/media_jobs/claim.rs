use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    event::{EventBody, EventId},
    instance::InstanceId,
    media::MediaJob,
};
use wharf_seal::Keyring;

use crate::{
    encoding,
    error::{Error, Result},
    event_log::EVENT_BODY,
    locks, message_row, micros,
    statement::{Run as _, Sql, batches, values},
};

/// Claims what is due and gives its rows, still sealed, those that have waited longest first.
pub(super) async fn claim(
    txn: &DatabaseTransaction,
    now: i64,
    limit: i64,
) -> Result<Vec<QueryResult>> {
    let backend = txn.get_database_backend();
    let due = format!(
        "WITH due AS MATERIALIZED (SELECT event_id FROM media_job WHERE status = 0 AND due_at <= $1
            ORDER BY due_at, sequence LIMIT $2{})
        UPDATE media_job SET status = 1 WHERE event_id IN (SELECT event_id FROM due)
        RETURNING event_id, due_at, sequence",
        locks::skip_locked(backend)
    );
    let mut claimed = Vec::new();
    for row in txn.all(&due, values![now, limit]).await? {
        let (due, sequence): (i64, i64) =
            (row.try_get("", "due_at")?, row.try_get("", "sequence")?);
        let event: Uuid = row.try_get("", "event_id")?;
        claimed.push((due, sequence, event));
    }
    claimed.sort_unstable();
    let mut rows = Vec::with_capacity(claimed.len());
    for claimed in batches(backend, 1, &claimed) {
        let sql = Sql::new(
            "SELECT j.event_id, j.instance_id, j.message_id, j.chat, j.sender, j.attempts,
                e.recorded_at, e.body, m.raw
            FROM media_job j JOIN event e ON e.id = j.event_id
            LEFT JOIN message m ON m.instance_id = j.instance_id AND m.message_id = j.message_id
                AND m.chat = j.chat AND m.sender = j.sender
            WHERE j.event_id IN ",
            vec![],
        )
        .list(claimed.iter().map(|(_, _, event)| (*event).into()))
        .push(" ORDER BY j.due_at, j.sequence, j.event_id");
        rows.extend(txn.query_all_raw(sql.on(backend)).await?);
    }
    Ok(rows)
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
