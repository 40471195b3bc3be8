//! Claims are planned by reading, beside whoever writes, and then made good where the plan still holds: on SQLite there is
//! one writer, and it has better things to do than to look for what is due.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    delivery::{Delivery, DeliveryId, SinkRef},
    event::Lane,
    ports::Room,
    webhook::WebhookId,
};
use wharf_seal::Keyring;

use super::{SINK_WEBHOOK, sinks};
use crate::{
    error::{Error, Result},
    event_log::StoredEvent,
    locks::{self, LaneKey},
    micros,
    statement::{Sql, id_batches, values},
};

/// As many heads as one statement can name on either database.
const MAX_HEADS: usize = 1000;

/// As many sinks as one statement can ask: SQLite joins at most 500 queries into one.
const MAX_SINKS: usize = 400;

/// A delivery that can be claimed, or is, whose event is still sealed.
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
            attempts: 0,
            waited: 0,
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

/// What waits in a lane and is due, from its head on.
pub(super) struct Run {
    lane: LaneKey,
    pub(super) candidates: Vec<Candidate>,
}

/// What could be claimed at this moment, lanes whose head has waited longest first.
pub(super) async fn plan(db: &impl ConnectionTrait, now: i64, room: &Room) -> Result<Vec<Run>> {
    let heads = due_heads(db, now, room).await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs: Vec<Run> = Vec::with_capacity(heads.len());
    let mut ended = false;
    for row in runs_from(db, heads, room.per_lane).await? {
        let candidate = Candidate::read(&row)?;
        if runs.last().is_none_or(|run| run.lane != candidate.lane) {
            let lane = candidate.lane.clone();
            runs.push(Run { lane, candidates: Vec::new() });
            ended = false;
        }
        // A run ends before what is not due.
        ended |= candidate.due > now;
        if let Some(run) = runs.last_mut().filter(|_| !ended) {
            run.candidates.push(candidate);
        }
    }
    runs.retain(|run| !run.candidates.is_empty());
    Ok(runs)
}

/// The heads that have waited longest, no more of a sink and of a receiver than there is room for.
async fn due_heads(db: &impl ConnectionTrait, now: i64, room: &Room) -> Result<Vec<Uuid>> {
    let mut sinks = sinks::with_heads(db, room).await?;
    sinks.retain(|sink| sink.due <= now);
    sinks.sort_by_key(|sink| sink.due);
    // Each has a head at least, so the heads that are looked for are of the first so many sinks.
    let mut seats = room.seats();
    sinks.retain(|sink| seats.take(webhook(sink.id)));
    sinks.truncate(MAX_SINKS);
    if sinks.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked: Vec<_> = sinks.iter().map(|sink| (sink.id, bounded(sink.room))).collect();
    // Of some nothing is asked, so that there are few lengths and few statements to be kept prepared.
    asked.resize(sinks.len().next_power_of_two().min(MAX_SINKS), (Uuid::nil(), 0));
    let mut sql = Sql::new("SELECT id, sink_id FROM (", values![now]);
    for (index, (sink, room)) in asked.into_iter().enumerate() {
        sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql = sql.push(
            "SELECT * FROM (SELECT id, sink_id, head_due, sequence FROM delivery WHERE sink_id = ",
        );
        sql = sql.value(sink).push(" AND head_due <= $1 ORDER BY head_due, sequence LIMIT ");
        sql = sql.value(room).push(&format!(") AS of_{index}"));
    }
    let sql = sql.push(") AS heads ORDER BY head_due, sequence");
    let mut seats = room.seats();
    let mut heads = Vec::new();
    for row in db.query_all_raw(sql.on(db.get_database_backend())).await? {
        if seats.is_full() || heads.len() == MAX_HEADS {
            break;
        }
        if seats.take(webhook(row.try_get("", "sink_id")?)) {
            heads.push(row.try_get("", "id")?);
        }
    }
    Ok(heads)
}

fn webhook(sink: Uuid) -> SinkRef {
    SinkRef::Webhook(WebhookId(sink))
}

/// Each head with what waits behind it, lane by lane in the order of the heads.
async fn runs_from(
    db: &impl ConnectionTrait,
    heads: Vec<Uuid>,
    per_lane: usize,
) -> Result<Vec<QueryResult>> {
    let sql = Sql::new(
        "SELECT d.id AS delivery_id, d.sink_kind, d.sink_id, d.lane, d.due_at,
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

/// How often a claimed delivery was tried, and how long it has waited.
struct Taken {
    attempts: i32,
    waited: i64,
}

/// What is claimed, by id.
#[derive(Default)]
pub(super) struct Claim(HashMap<Uuid, Taken>);

impl Claim {
    /// What is claimed of the plan.
    pub(super) fn of(mut self, runs: Vec<Run>) -> impl Iterator<Item = Candidate> {
        runs.into_iter().flat_map(|run| run.candidates).filter_map(move |candidate| {
            let Taken { attempts, waited } = self.0.remove(&candidate.id)?;
            Some(Candidate { attempts, waited, ..candidate })
        })
    }
}

/// The ids of a planned run.
pub(super) struct Wanted {
    head: Uuid,
    followers: Vec<Uuid>,
}

impl Wanted {
    pub(super) fn of(run: &Run) -> Self {
        let mut ids = run.candidates.iter().map(|candidate| candidate.id);
        Self { head: ids.next().unwrap_or_default(), followers: ids.collect() }
    }
}

/// Claims of the planned runs what is as it was planned. While a head is one, nothing has come before it; whoever else
/// has changed what is behind it has claimed it first, and that shows.
pub(super) async fn take(
    txn: &DatabaseTransaction,
    now: i64,
    mut wanted: Vec<Wanted>,
) -> Result<Claim> {
    locks::share_rows(txn).await?;
    let mut claim = Claim::default();
    let heads: Vec<_> = wanted.iter().map(|run| run.head).collect();
    let (heads_only, end) = match txn.get_database_backend() {
        // Somebody else may be claiming it, and nobody waits for them.
        DbBackend::Postgres => (
            "head_due = NULL WHERE id IN (SELECT id FROM delivery WHERE head_due <= $1 AND id IN ",
            " FOR UPDATE SKIP LOCKED)",
        ),
        _ => ("head_due = NULL WHERE head_due <= $1 AND id IN ", ""),
    };
    mark(txn, &mut claim, heads_only, end, now, &heads).await?;
    wanted.retain(|run| claim.0.contains_key(&run.head));
    let followers: Vec<_> = wanted.iter().flat_map(|run| run.followers.iter().copied()).collect();
    let still_waiting = "head_due = NULL WHERE status = 0 AND due_at <= $1 AND id IN ";
    mark(txn, &mut claim, still_waiting, "", now, &followers).await?;
    give_back_what_would_overtake(txn, &mut claim, &wanted).await?;
    Ok(claim)
}

async fn mark(
    txn: &DatabaseTransaction,
    claim: &mut Claim,
    which: &str,
    end: &str,
    now: i64,
    ids: &[Uuid],
) -> Result<()> {
    let backend = txn.get_database_backend();
    for ids in id_batches(ids) {
        let sql = Sql::new(&format!("UPDATE delivery SET status = 1, {which}"), values![now])
            .ids(ids)
            .push(end)
            .push(" RETURNING id, attempts, waited");
        for row in txn.query_all_raw(sql.on(backend)).await? {
            let taken = Taken {
                attempts: row.try_get("", "attempts")?,
                waited: row.try_get("", "waited")?,
            };
            claim.0.insert(row.try_get("", "id")?, taken);
        }
    }
    Ok(())
}

/// Whatever is behind something that was not to be had waits for it.
async fn give_back_what_would_overtake(
    txn: &DatabaseTransaction,
    claim: &mut Claim,
    wanted: &[Wanted],
) -> Result<()> {
    let backend = txn.get_database_backend();
    let mut behind = HashSet::new();
    for run in wanted {
        let rest = run.followers.iter().skip_while(|id| claim.0.contains_key(id));
        behind.extend(rest.filter(|id| claim.0.contains_key(id)).copied());
    }
    claim.0.retain(|id, _| !behind.contains(id));
    let behind: Vec<_> = behind.into_iter().collect();
    for ids in id_batches(&behind) {
        let sql = Sql::new("UPDATE delivery SET status = 0 WHERE id IN ", values![]).ids(ids);
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}

fn bounded(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
