//! What is due. It is only read, beside whoever writes: on SQLite there is one writer, and it has better things to do.

use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    delivery::{Delivery, DeliveryId, SinkLane, SinkRef},
    event::Lane,
    ports::Room,
    webhook::WebhookId,
};
use wharf_seal::Keyring;

use super::{
    SINK_WEBHOOK,
    sinks::{self, Sink},
};
use crate::{
    error::{Error, Result},
    event_log::StoredEvent,
    locks::LaneKey,
    micros,
    statement::{Sql, values},
};

/// As many heads as one statement can name on either database.
const MAX_HEADS: usize = 1000;

/// As many sinks as one statement can ask: SQLite joins at most 500 queries into one.
pub(super) const MAX_SINKS: usize = 400;

/// A delivery that is due, whose event is still sealed.
pub(super) struct Candidate {
    pub(super) id: Uuid,
    lane: LaneKey,
    sink_kind: i16,
    due: i64,
    attempts: i32,
    waited: i64,
    event: StoredEvent,
}

impl Candidate {
    fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: row.try_get("", "delivery_id")?,
            lane: LaneKey { sink: row.try_get("", "sink_id")?, lane: row.try_get("", "lane")? },
            sink_kind: row.try_get("", "sink_kind")?,
            due: row.try_get("", "due_at")?,
            attempts: row.try_get("", "attempts")?,
            waited: row.try_get("", "waited")?,
            event: StoredEvent::read(row)?,
        })
    }

    pub(super) fn open(self, keyring: &Keyring) -> Result<Delivery> {
        if self.sink_kind != SINK_WEBHOOK {
            return Err(Error::nonsense("sink"));
        }
        Ok(Delivery {
            id: DeliveryId(self.id),
            sink: webhook(self.lane.sink),
            lane: Lane(self.lane.lane),
            attempts: u32::try_from(self.attempts).map_err(|_| Error::nonsense("attempts"))?,
            waited: micros::to_duration(self.waited)?,
            event: self.event.open(keyring)?,
        })
    }
}

/// What is due of each lane from its head on, lanes whose head has waited longest first.
pub(super) async fn due(
    db: &impl ConnectionTrait,
    now: i64,
    room: &Room,
) -> Result<Vec<Candidate>> {
    let heads = due_heads(db, now, room).await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut due: Vec<Candidate> = Vec::with_capacity(heads.len());
    let mut ended: Option<LaneKey> = None;
    for row in runs_from(db, heads, room.per_lane).await? {
        let candidate = Candidate::read(&row)?;
        // A run ends before what is not due.
        if candidate.due > now || ended.as_ref() == Some(&candidate.lane) {
            ended = Some(candidate.lane);
        } else {
            due.push(candidate);
        }
    }
    Ok(due)
}

/// The heads that have waited longest, no more of a sink and of a receiver than there is room for.
async fn due_heads(db: &impl ConnectionTrait, now: i64, room: &Room) -> Result<Vec<Uuid>> {
    let mut sinks = sinks::with_heads(db, room).await?;
    sinks.retain(|sink| sink.due <= now);
    sinks.sort_by_key(|sink| sink.due);
    // Each has a head at least, so the heads that are looked for are of the first so many sinks, and of those whose heads
    // may all be served.
    let served = sinks::count(&room.served);
    let mut seats = room.seats();
    sinks.retain(|sink| served.contains_key(&sink.id) || seats.take(webhook(sink.id)));
    sinks.truncate(MAX_SINKS);
    if sinks.is_empty() {
        return Ok(Vec::new());
    }
    let of_sink = |sink: &Sink| served.get(&sink.id).copied().unwrap_or_default() + sink.room;
    let mut asked: Vec<_> = sinks.iter().map(|sink| (sink.id, bounded(of_sink(sink)))).collect();
    // Of some nothing is asked, so that there are few lengths and few statements to be kept prepared.
    asked.resize(sinks.len().next_power_of_two().min(MAX_SINKS), (Uuid::nil(), 0));
    let mut sql = Sql::new("SELECT id, sink_id, lane FROM (", values![now]);
    for (index, (sink, most)) in asked.into_iter().enumerate() {
        sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql = sql.push(
            "SELECT * FROM (SELECT id, sink_id, lane, head_due, sequence FROM delivery
                WHERE sink_id = ",
        );
        sql = sql.value(sink).push(" AND head_due <= $1 ORDER BY head_due, sequence LIMIT ");
        sql = sql.value(most).push(&format!(") AS of_{index}"));
    }
    let sql = sql.push(") AS heads ORDER BY head_due, sequence");
    let mut seats = room.seats();
    let mut heads = Vec::new();
    for row in db.query_all_raw(sql.on(db.get_database_backend())).await? {
        if seats.is_full() || heads.len() == MAX_HEADS {
            break;
        }
        let sink = webhook(row.try_get("", "sink_id")?);
        let lane = SinkLane { sink, lane: Lane(row.try_get("", "lane")?) };
        if !room.served.contains(&lane) && seats.take(sink) {
            heads.push(row.try_get("", "id")?);
        }
    }
    Ok(heads)
}

/// The sink of that id.
pub(crate) fn webhook(sink: Uuid) -> SinkRef {
    SinkRef::Webhook(WebhookId(sink))
}

/// Each head with what waits behind it, lane by lane in the order of the heads.
async fn runs_from(
    db: &impl ConnectionTrait,
    heads: Vec<Uuid>,
    per_lane: usize,
) -> Result<Vec<QueryResult>> {
    let sql = Sql::new(
        "SELECT d.id AS delivery_id, d.sink_kind, d.sink_id, d.lane, d.due_at, d.attempts, d.waited,
            e.id, e.instance_id, e.sequence, e.recorded_at, e.body
        FROM delivery h JOIN delivery d ON d.sink_id = h.sink_id AND d.lane = h.lane
            AND d.status = 0 AND d.sequence >= h.sequence
            AND d.sequence <= COALESCE((SELECT x.sequence FROM delivery x
                WHERE x.sink_id = h.sink_id AND x.lane = h.lane AND x.status = 0
                AND x.sequence >= h.sequence ORDER BY x.sequence LIMIT 1 OFFSET $1), $2)
        JOIN event e ON e.id = d.event_id
        WHERE h.head_due IS NOT NULL AND h.id IN ",
        values![bounded(per_lane - 1), i64::MAX],
    )
    .ids(&heads)
    .push(" ORDER BY h.head_due, h.sequence, h.id, d.sequence");
    Ok(db.query_all_raw(sql.on(db.get_database_backend())).await?)
}

fn bounded(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
