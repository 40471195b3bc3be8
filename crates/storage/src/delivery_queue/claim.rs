use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    delivery::{Delivery, DeliveryId, SinkRef},
    event::{Event, EventId, Lane},
    instance::InstanceId,
    ports::Room,
    webhook::WebhookId,
};
use wharf_seal::Keyring;

use super::{CLAIMED, SINK_WEBHOOK, WAITING, sinks};
use crate::{
    encoding,
    error::{Error, Result},
    event_log::EVENT_BODY,
    locks::{self, LaneKey},
    micros,
    statement::{Sql, batches, values},
};

/// As many heads as one statement can name on either database.
const MAX_HEADS: usize = 1000;

/// As many sinks as one statement can ask: SQLite joins at most 500 queries into one.
const MAX_SINKS: usize = 400;

/// A claimed delivery whose event is still sealed.
pub(super) struct Claimed {
    pub(super) id: Uuid,
    lane: LaneKey,
    sink_kind: i16,
    due: i64,
    attempts: i32,
    event: Uuid,
    instance: Uuid,
    sequence: i64,
    recorded_at: i64,
    body: Vec<u8>,
}

impl Claimed {
    fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: row.try_get("", "id")?,
            lane: LaneKey { sink: row.try_get("", "sink_id")?, lane: row.try_get("", "lane")? },
            sink_kind: row.try_get("", "sink_kind")?,
            due: row.try_get("", "due_at")?,
            attempts: row.try_get("", "attempts")?,
            event: row.try_get("", "event_id")?,
            instance: row.try_get("", "instance_id")?,
            sequence: row.try_get("", "sequence")?,
            recorded_at: row.try_get("", "recorded_at")?,
            body: row.try_get("", "body")?,
        })
    }

    pub(super) fn open(self, keyring: &Keyring) -> Result<Delivery> {
        if self.sink_kind != SINK_WEBHOOK {
            return Err(Error::nonsense("sink"));
        }
        let body = EVENT_BODY.open(keyring, self.event.as_bytes(), &self.body)?;
        Ok(Delivery {
            id: DeliveryId(self.id),
            sink: SinkRef::Webhook(WebhookId(self.lane.sink)),
            lane: Lane(self.lane.lane),
            attempts: u32::try_from(self.attempts).map_err(|_| Error::nonsense("attempts"))?,
            event: Event {
                id: EventId(self.event),
                instance: InstanceId(self.instance),
                sequence: self.sequence,
                recorded_at: micros::to_time(self.recorded_at)?,
                body: encoding::decode_event(&body)?,
            },
        })
    }
}

pub(super) async fn claim(
    txn: &DatabaseTransaction,
    now: i64,
    room: &Room,
) -> Result<Vec<Claimed>> {
    locks::share_rows(txn).await?;
    let heads = due_heads(txn, now, room).await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs = Vec::with_capacity(heads.len());
    for row in runs_from(txn, heads, room.per_lane).await? {
        runs.push(Claimed::read(&row)?);
    }
    end_before_what_is_not_due(&mut runs, now);
    mark(txn, &runs).await?;
    Ok(runs)
}

/// The heads that have waited longest, no more of a sink than there is room for, but for those that somebody else is
/// claiming.
async fn due_heads(txn: &DatabaseTransaction, now: i64, room: &Room) -> Result<Vec<Uuid>> {
    let mut sinks = sinks::with_heads(txn, room).await?;
    sinks.retain(|sink| sink.due <= now);
    // Each has a head at least, so the heads that are looked for are of the first so many sinks.
    sinks.sort_by_key(|sink| sink.due);
    sinks.truncate(room.lanes.min(MAX_SINKS));
    if sinks.is_empty() {
        return Ok(Vec::new());
    }
    let backend = txn.get_database_backend();
    let lanes = bounded(room.lanes.min(MAX_HEADS));
    let mut sql = Sql::new("SELECT id FROM (", values![now, lanes]);
    for (index, sink) in sinks.iter().enumerate() {
        sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql =
            sql.push("SELECT * FROM (SELECT id, head_due, sequence FROM delivery WHERE sink_id = ");
        sql = sql.value(sink.id).push(" AND head_due <= $1 ORDER BY head_due, sequence LIMIT ");
        sql = sql.value(bounded(sink.room)).push(&format!(") AS of_{index}"));
    }
    let sql = sql.push(") AS heads ORDER BY head_due, sequence LIMIT $2");
    let rows = txn.query_all_raw(sql.on(backend)).await?;
    let heads = ids(&rows)?;
    if backend != DbBackend::Postgres || heads.is_empty() {
        return Ok(heads);
    }
    let lock = Sql::new("SELECT id FROM delivery WHERE head_due <= $1 AND id IN ", values![now])
        .list(heads.into_iter().map(Into::into))
        .push(locks::skip_locked(backend));
    ids(&txn.query_all_raw(lock.on(backend)).await?)
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>> {
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

/// Each head with what waits behind it, lane by lane in the order of the heads.
///
/// A statement of its own: its snapshot is later than the locks, so it sees what was done to the lanes before.
async fn runs_from(
    txn: &DatabaseTransaction,
    heads: Vec<Uuid>,
    per_lane: usize,
) -> Result<Vec<QueryResult>> {
    let sql = Sql::new(
        "SELECT d.id, d.sink_kind, d.sink_id, d.lane, d.due_at, d.attempts, d.event_id,
            e.instance_id, e.sequence, e.recorded_at, e.body
        FROM delivery h JOIN delivery d ON d.sink_id = h.sink_id AND d.lane = h.lane
            AND d.status = $1 AND d.sequence >= h.sequence
            AND d.sequence <= COALESCE((SELECT x.sequence FROM delivery x
                WHERE x.sink_id = h.sink_id AND x.lane = h.lane AND x.status = $1
                AND x.sequence >= h.sequence ORDER BY x.sequence LIMIT 1 OFFSET $2), $3)
        JOIN event e ON e.id = d.event_id
        WHERE h.id IN ",
        values![WAITING, bounded(per_lane - 1), i64::MAX],
    )
    .list(heads.into_iter().map(Into::into))
    .push(" ORDER BY h.head_due, h.sequence, h.id, d.sequence");
    Ok(txn.query_all_raw(sql.on(txn.get_database_backend())).await?)
}

fn end_before_what_is_not_due(runs: &mut Vec<Claimed>, now: i64) {
    let mut ended = None;
    runs.retain(|one| {
        if one.due > now {
            ended = Some(one.lane.clone());
        }
        ended.as_ref() != Some(&one.lane)
    });
}

async fn mark(txn: &DatabaseTransaction, claimed: &[Claimed]) -> Result<()> {
    let backend = txn.get_database_backend();
    for claimed in batches(backend, 1, claimed) {
        let sql = Sql::new(
            "UPDATE delivery SET status = $1, head_due = NULL WHERE id IN ",
            values![CLAIMED],
        )
        .list(claimed.iter().map(|one| one.id.into()));
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}

fn bounded(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
