//! Which delivery of a lane is its head.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult};

use crate::{
    error::Result,
    locks::LaneKey,
    statement::{Sql, batches, values},
};

/// Reads the columns `sink_id` and `lane`; each lane once.
pub(super) fn lanes_of(rows: &[QueryResult]) -> Result<BTreeSet<LaneKey>> {
    let lanes = rows.iter().map(|row| {
        Ok(LaneKey { sink: row.try_get("", "sink_id")?, lane: row.try_get("", "lane")? })
    });
    lanes.collect()
}

/// Makes the first that waits the head of each of these lanes, and gives the lanes that have one.
pub(super) async fn promote(
    txn: &DatabaseTransaction,
    lanes: BTreeSet<LaneKey>,
) -> Result<BTreeSet<LaneKey>> {
    let backend = txn.get_database_backend();
    let asked: Vec<_> = lanes.into_iter().collect();
    let mut waiting = BTreeSet::new();
    for asked in batches(backend, 2, &asked) {
        let rows = asked.iter().map(|lane| values![lane.sink, lane.lane.as_str()]);
        let sql =
            Sql::new("WITH lanes (sink_id, lane) AS (VALUES ", values![]).padded_rows(rows).push(
                ") UPDATE delivery SET head_due = due_at WHERE id IN (
                SELECT (SELECT d.id FROM delivery d WHERE d.sink_id = lanes.sink_id
                    AND d.lane = lanes.lane AND d.status = 0
                    ORDER BY d.sequence LIMIT 1)
                FROM lanes) RETURNING sink_id, lane",
            );
        waiting.extend(lanes_of(&txn.query_all_raw(sql.on(backend)).await?)?);
    }
    Ok(waiting)
}
