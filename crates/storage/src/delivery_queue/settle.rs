use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Value};
use uuid::Uuid;
use wharf_domain::delivery::{DeliveryId, Settlement};

use super::{CLAIMED, DEAD, WAITING, heads};
use crate::{
    error::Result,
    locks::{self, LaneKey},
    micros,
    statement::{Run as _, Sql, batches, values},
};

pub(super) async fn settle(
    txn: &DatabaseTransaction,
    settlements: &[(DeliveryId, Settlement)],
) -> Result<()> {
    let ids: Vec<_> = settlements.iter().map(|(id, _)| id.0).collect();
    lock_lanes_of(txn, &ids).await?;
    let gone: Vec<_> = settlements
        .iter()
        .filter(|(_, settlement)| matches!(settlement, Settlement::Delivered | Settlement::Dropped))
        .map(|(id, _)| id.0)
        .collect();
    let mut lanes =
        over(txn, "DELETE FROM delivery WHERE status = $1", values![CLAIMED], &gone).await?;
    for (id, settlement) in settlements {
        lanes.extend(keep(txn, id.0, settlement).await?);
    }
    heads::promote(txn, lanes).await
}

/// What waits for its next attempt, or is kept as a dead letter.
async fn keep(
    txn: &DatabaseTransaction,
    id: Uuid,
    settlement: &Settlement,
) -> Result<BTreeSet<LaneKey>> {
    let (status, due, reason) = match settlement {
        Settlement::Postponed { due } => {
            let sql = "UPDATE delivery SET status = $1, due_at = $2 WHERE id = $3 AND status = $4
                RETURNING sink_id, lane";
            let values = values![WAITING, micros::from_time(*due), id, CLAIMED];
            return heads::lanes(&txn.all(sql, values).await?);
        }
        Settlement::Retry { due, reason } => (WAITING, Some(micros::from_time(*due)), reason),
        Settlement::Dead { reason } => (DEAD, None, reason),
        _ => return Ok(BTreeSet::new()),
    };
    let sql = "UPDATE delivery SET status = $1, attempts = attempts + 1,
        due_at = COALESCE($2, due_at), last_error = $3 WHERE id = $4 AND status = $5
        RETURNING sink_id, lane";
    let values = values![status, due, reason.as_str(), id, CLAIMED];
    heads::lanes(&txn.all(sql, values).await?)
}

pub(super) async fn release(txn: &DatabaseTransaction, ids: &[Uuid]) -> Result<()> {
    lock_lanes_of(txn, ids).await?;
    let head = "UPDATE delivery SET status = $2 WHERE status = $1";
    let lanes = over(txn, head, values![CLAIMED, WAITING], ids).await?;
    heads::promote(txn, lanes).await
}

/// Runs a statement for rows of these ids and gives their lanes.
async fn over(
    txn: &DatabaseTransaction,
    head: &str,
    values: Vec<Value>,
    ids: &[Uuid],
) -> Result<BTreeSet<LaneKey>> {
    let backend = txn.get_database_backend();
    let mut lanes = BTreeSet::new();
    for ids in batches(backend, 1, ids) {
        let sql = Sql::new(&format!("{head} AND id IN "), values.clone())
            .list(ids.iter().map(|id| (*id).into()))
            .push(" RETURNING sink_id, lane");
        lanes.extend(heads::lanes(&txn.query_all_raw(sql.on(backend)).await?)?);
    }
    Ok(lanes)
}

async fn lock_lanes_of(txn: &DatabaseTransaction, ids: &[Uuid]) -> Result<()> {
    let backend = txn.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(());
    }
    locks::share_rows(txn).await?;
    let mut lanes = BTreeSet::new();
    for ids in batches(backend, 1, ids) {
        let sql = Sql::new("SELECT sink_id, lane FROM delivery WHERE id IN ", vec![])
            .list(ids.iter().map(|id| (*id).into()));
        lanes.extend(heads::lanes(&txn.query_all_raw(sql.on(backend)).await?)?);
    }
    locks::lock_lanes(txn, &lanes.into_iter().collect::<Vec<_>>()).await
}
