use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Value};
use uuid::Uuid;
use wharf_domain::delivery::{DeliveryId, Settlement};

use super::{DEAD, WAITING, heads};
use crate::{
    error::Result,
    locks::{self, LaneKey},
    micros,
    statement::{Sql, batches, id_batches, values},
};

/// Says in which lanes of what is settled something waits.
pub(super) async fn settle(
    txn: &DatabaseTransaction,
    settlements: &[(DeliveryId, Settlement)],
) -> Result<BTreeSet<LaneKey>> {
    let ids: Vec<_> = settlements.iter().map(|(id, _)| id.0).collect();
    lock_lanes_of(txn, &ids).await?;
    let mut lanes = BTreeSet::new();
    let mut delivered: BTreeMap<Option<u16>, Vec<Uuid>> = BTreeMap::new();
    let mut dropped = Vec::new();
    let mut kept = Vec::new();
    for (id, settlement) in settlements {
        match settlement {
            Settlement::Delivered { status } => delivered.entry(*status).or_default().push(id.0),
            Settlement::Dropped => dropped.push(id.0),
            settlement => kept.extend(Kept::of(id.0, settlement)),
        }
    }
    for (status, ids) in delivered {
        let head = "UPDATE delivery SET status = 3, head_due = NULL, attempts = attempts + 1,
            last_status = $1, last_error = NULL WHERE status = 0";
        lanes.extend(over(txn, head, values![code(status)], &ids).await?);
    }
    lanes.extend(over(txn, "DELETE FROM delivery WHERE status = 0", values![], &dropped).await?);
    lanes.extend(keep(txn, kept).await?);
    heads::promote(txn, lanes).await
}

/// What waits for its next attempt, or is a dead letter.
struct Kept {
    id: Uuid,
    status: i16,
    due: Option<i64>,
    waited: i64,
    /// How many attempts are counted.
    tried: i32,
    last_status: Option<i16>,
    last_error: Option<String>,
}

impl Kept {
    fn of(id: Uuid, settlement: &Settlement) -> Option<Self> {
        let untouched = Self {
            id,
            status: WAITING,
            due: None,
            waited: 0,
            tried: 0,
            last_status: None,
            last_error: None,
        };
        Some(match settlement {
            Settlement::Postponed { due } => {
                Self { due: Some(micros::from_time(*due)), ..untouched }
            }
            Settlement::Retry { due, pause, status, reason } => Self {
                due: Some(micros::from_time(*due)),
                waited: micros::from_duration(*pause),
                tried: 1,
                last_status: code(*status),
                last_error: Some(reason.clone()),
                ..untouched
            },
            Settlement::Dead { status, reason } => Self {
                status: DEAD,
                tried: 1,
                last_status: code(*status),
                last_error: Some(reason.clone()),
                ..untouched
            },
            Settlement::Delivered { .. } | Settlement::Dropped => return None,
        })
    }

    fn row(self) -> Vec<Value> {
        let Self { id, status, due, waited, tried, last_status, last_error } = self;
        values![id, status, due, waited, tried, last_status, last_error]
    }
}

async fn keep(txn: &DatabaseTransaction, kept: Vec<Kept>) -> Result<BTreeSet<LaneKey>> {
    const COLUMNS: usize = 7;
    let backend = txn.get_database_backend();
    let rows: Vec<_> = kept.into_iter().map(Kept::row).collect();
    let mut lanes = BTreeSet::new();
    for rows in batches(backend, COLUMNS, &rows) {
        let sql = Sql::new(
            "WITH settled (id, status, due, waited, tried, last_status, last_error) AS (VALUES ",
            values![],
        )
        .padded_rows(rows.iter().cloned())
        .push(
            ") UPDATE delivery SET status = settled.status,
                head_due = CASE settled.status WHEN 0 THEN delivery.head_due END,
                due_at = COALESCE(settled.due, delivery.due_at),
                waited = delivery.waited + settled.waited,
                attempts = delivery.attempts + settled.tried,
                last_status = CASE settled.tried WHEN 0 THEN delivery.last_status
                    ELSE settled.last_status END,
                last_error = CASE settled.tried WHEN 0 THEN delivery.last_error
                    ELSE settled.last_error END,
                dead_since = CASE settled.status WHEN 2 THEN (SELECT e.recorded_at FROM event e
                    WHERE e.id = delivery.event_id) END,
                dead_size = CASE settled.status WHEN 2 THEN (SELECT length(e.body) FROM event e
                    WHERE e.id = delivery.event_id) END
            FROM settled WHERE delivery.id = settled.id AND delivery.status = 0
            RETURNING delivery.sink_id AS sink_id, delivery.lane AS lane",
        );
        lanes.extend(heads::lanes_of(&txn.query_all_raw(sql.on(backend)).await?)?);
    }
    Ok(lanes)
}

fn code(status: Option<u16>) -> Option<i16> {
    // Whatever a receiver answers with is a small number.
    status.and_then(|status| i16::try_from(status).ok())
}

/// Runs a statement for rows of these ids, after which they are not in their lanes any more, and gives those lanes in
/// which something waits.
async fn over(
    txn: &DatabaseTransaction,
    head: &str,
    values: Vec<Value>,
    ids: &[Uuid],
) -> Result<BTreeSet<LaneKey>> {
    let backend = txn.get_database_backend();
    let mut lanes = BTreeSet::new();
    for ids in id_batches(ids) {
        let sql = Sql::new(&format!("{head} AND id IN "), values.clone()).ids(ids).push(
            " RETURNING sink_id, lane, EXISTS (SELECT 1 FROM delivery d
                WHERE d.sink_id = delivery.sink_id AND d.lane = delivery.lane
                AND d.status = 0) AS has_next",
        );
        let mut rows = txn.query_all_raw(sql.on(backend)).await?;
        rows.retain(|row| row.try_get("", "has_next").unwrap_or(true));
        lanes.extend(heads::lanes_of(&rows)?);
    }
    Ok(lanes)
}

async fn lock_lanes_of(txn: &DatabaseTransaction, ids: &[Uuid]) -> Result<()> {
    let backend = txn.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(());
    }
    locks::share_rows(txn).await?;
    let mut lanes = Vec::new();
    for ids in id_batches(ids) {
        let sql = Sql::new("SELECT instance_id, lane FROM delivery WHERE id IN ", vec![]).ids(ids);
        lanes.extend(locks::lanes_to_lock(&txn.query_all_raw(sql.on(backend)).await?)?);
    }
    locks::lock_lanes(txn, &lanes).await
}
