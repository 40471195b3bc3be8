//! Events once more. What is to be queued is found by reading, a step at a time, and then written where it still is to be.

use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    Timestamp,
    delivery::Replay,
    event::{EventId, EventKind, Lane},
    instance::InstanceId,
    webhook::WebhookId,
};
use wharf_seal::Keyring;

use super::take;
use crate::{
    delivery_queue::{SINK_WEBHOOK, WAITING},
    error::Result,
    event_log::{self, kind_code},
    locks, micros,
    statement::{Run as _, Sql, batches, id_batches, values},
    webhook_row,
};

/// A replay, and how far it has come.
pub(super) struct Plan<'a> {
    pub(super) instance: InstanceId,
    pub(super) webhook: WebhookId,
    pub(super) replay: &'a Replay,
    pub(super) from: i64,
    pub(super) now: Timestamp,
}

/// What a step looks at.
pub(super) struct Step {
    deliveries: Vec<Once>,
    /// Whether only what is a dead letter is meant.
    dead_alone: bool,
    pub(super) next: Option<i64>,
}

/// An event to be delivered once more.
#[derive(Clone)]
struct Once {
    event: Uuid,
    delivery: Uuid,
    lane: String,
}

/// An event in its place.
#[derive(Clone, Copy)]
struct Place {
    event: Uuid,
    sequence: i64,
}

impl Place {
    fn all(rows: &[QueryResult]) -> Result<Vec<Self>> {
        let read = |row: &QueryResult| {
            Ok(Self { event: row.try_get("", "id")?, sequence: row.try_get("", "sequence")? })
        };
        rows.iter().map(read).collect()
    }
}

impl Plan<'_> {
    /// The next events; `None` when there is no such webhook.
    pub(super) async fn step(
        &self,
        db: &impl ConnectionTrait,
        keyring: &Keyring,
        limit: usize,
    ) -> Result<Option<Step>> {
        let sql = "SELECT events FROM webhook WHERE id = $1 AND instance_id = $2
            AND (url IS NOT NULL OR $3)";
        // A disabled webhook asks for no kind of event.
        let any = !matches!(self.replay, Replay::Since(_));
        let values = values![self.webhook.0, self.instance.0, any];
        let Some(webhook) = db.one(sql, values).await? else { return Ok(None) };
        // One more than is looked at tells whether there is a next step.
        let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let mut places = match self.replay {
            Replay::Events(ids) => self.named(db, ids).await?,
            Replay::Dead(since) => self.dead(db, *since, most).await?,
            Replay::Since(since) => {
                let filter = webhook_row::read_filter(&webhook)?;
                let kinds = EventKind::ALL.into_iter().filter(|kind| filter.wants(*kind));
                self.since(db, *since, kinds.collect(), most).await?
            }
        };
        let is_last = places.len() <= limit;
        places.truncate(limit);
        let next = places.last().filter(|_| !is_last).map(|place| place.sequence);
        let deliveries = places.into_iter().map(|Place { event, .. }| Once {
            event,
            delivery: event_log::delivery_id(keyring, event, self.webhook.0),
            lane: Lane::of_replay(EventId(event)).0,
        });
        let dead_alone = matches!(self.replay, Replay::Dead(_));
        Ok(Some(Step { deliveries: deliveries.collect(), dead_alone, next }))
    }

    async fn named(&self, db: &impl ConnectionTrait, ids: &[EventId]) -> Result<Vec<Place>> {
        let backend = db.get_database_backend();
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let mut places = Vec::new();
        for ids in id_batches(&ids) {
            let sql = Sql::new(
                "SELECT id, sequence FROM event WHERE instance_id = $1 AND sequence > $2
                AND id IN ",
                values![self.instance.0, self.from],
            );
            places.extend(Place::all(&db.query_all_raw(sql.ids(ids).on(backend)).await?)?);
        }
        places.sort_by_key(|place| place.sequence);
        // An id may have been given twice, in different batches.
        places.dedup_by_key(|place| place.sequence);
        Ok(places)
    }

    async fn dead(
        &self,
        db: &impl ConnectionTrait,
        since: Option<Timestamp>,
        most: i64,
    ) -> Result<Vec<Place>> {
        let since = since.map_or(i64::MIN, micros::from_time);
        let sql = "SELECT event_id AS id, sequence FROM delivery WHERE sink_id = $1 AND status = 2
            AND sequence > $2 AND dead_since >= $3 ORDER BY sequence LIMIT $4";
        Place::all(&db.all(sql, values![self.webhook.0, self.from, since, most]).await?)
    }

    async fn since(
        &self,
        db: &impl ConnectionTrait,
        since: Timestamp,
        kinds: Vec<EventKind>,
        most: i64,
    ) -> Result<Vec<Place>> {
        let after = event_log::place(db, self.instance, since).await?.max(self.from);
        let values = values![
            self.instance.0,
            after,
            micros::from_time(since),
            // What is recorded while the replay goes on is none of it.
            micros::from_time(self.now),
            most
        ];
        let sql = "SELECT id, sequence FROM event WHERE instance_id = $1 AND sequence > $2
            AND recorded_at >= $3 AND recorded_at <= $4 AND kind IN ";
        let sql = Sql::new(sql, values)
            .list(kinds.into_iter().map(|kind| kind_code(kind).into()))
            .push(" ORDER BY sequence LIMIT $5");
        Place::all(&db.query_all_raw(sql.on(db.get_database_backend())).await?)
    }
}

/// Queues what is neither pending nor held, and says how much that was.
pub(super) async fn queue(
    txn: &DatabaseTransaction,
    instance: InstanceId,
    webhook: WebhookId,
    step: &Step,
    now: i64,
) -> Result<u64> {
    // With this join SQLite goes from what is replayed to its rows. It knows that there is less of that than of anything else
    // only as long as it is very little.
    const COLUMNS: usize = 3;
    take(txn, instance).await?;
    let sql = "SELECT id FROM webhook WHERE id = $1 AND instance_id = $2";
    if txn.one(sql, values![webhook.0, instance.0]).await?.is_none() {
        return Ok(0);
    }
    locks::share_rows(txn).await?;
    let backend = txn.get_database_backend();
    let mut queued = 0;
    for deliveries in batches(backend, COLUMNS, &step.deliveries) {
        let rows = deliveries.iter().map(|one| values![one.event, one.delivery, one.lane.as_str()]);
        let replayed = |values| {
            let sql = "WITH replayed (event_id, id, lane) AS (VALUES ";
            Sql::new(sql, values).rows(rows.clone()).push(") ")
        };
        let state = if step.dead_alone { "= 2" } else { ">= 2" };
        let again = replayed(values![webhook.0, now]).push(&format!(
            "UPDATE delivery SET status = 0, due_at = $2, head_due = $2, attempts = 0, waited = 0,
                lane = (SELECT r.lane FROM replayed r WHERE r.event_id = delivery.event_id),
                last_status = NULL, last_error = NULL, dead_since = NULL, dead_size = NULL
            WHERE id IN (SELECT d.id FROM replayed CROSS JOIN delivery d
                WHERE d.event_id = replayed.event_id AND d.sink_id = $1 AND d.status {state})"
        ));
        queued += txn.execute_raw(again.on(backend)).await?.rows_affected();
        if step.dead_alone {
            continue;
        }
        let new = replayed(values![webhook.0, now, instance.0, SINK_WEBHOOK, WAITING]).push(
            "INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence,
                status, due_at, attempts, head_due)
            SELECT replayed.id, e.id, e.instance_id, $4, $1, replayed.lane, e.sequence, $5, $2, 0,
                $2 FROM replayed CROSS JOIN event e
            WHERE e.id = replayed.event_id AND e.instance_id = $3 AND NOT EXISTS (SELECT 1 FROM delivery d
                WHERE d.event_id = e.id AND d.sink_id = $1)",
        );
        queued += txn.execute_raw(new.on(backend)).await?.rows_affected();
    }
    Ok(queued)
}
