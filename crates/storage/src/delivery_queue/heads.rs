//! Which delivery of a lane is its head.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult};

use crate::{
    error::Result,
    locks::LaneKey,
    statement::{Sql, batches, values},
};

/// Reads the columns `sink_id` and `lane`; each lane once.
pub(super) fn lanes(rows: &[QueryResult]) -> Result<BTreeSet<LaneKey>> {
    let lanes = rows.iter().map(|row| {
        Ok(LaneKey { sink: row.try_get("", "sink_id")?, lane: row.try_get("", "lane")? })
    });
    lanes.collect()
}

/// Makes the first that waits the head of each of these lanes, unless something of the lane is still claimed.
pub(super) async fn promote(txn: &DatabaseTransaction, lanes: BTreeSet<LaneKey>) -> Result<()> {
    let backend = txn.get_database_backend();
    let lanes: Vec<_> = lanes.into_iter().collect();
    for lanes in batches(backend, 2, &lanes) {
        let rows = lanes.iter().map(|lane| values![lane.sink, lane.lane.as_str()]);
        let sql =
            Sql::new("WITH lanes (sink_id, lane) AS (VALUES ", values![]).padded_rows(rows).push(
                ") UPDATE delivery SET head_due = due_at WHERE id IN (
                SELECT (SELECT d.id FROM delivery d WHERE d.sink_id = lanes.sink_id
                    AND d.lane = lanes.lane AND d.status = 0
                    ORDER BY d.sequence LIMIT 1)
                FROM lanes WHERE NOT EXISTS (SELECT 1 FROM delivery c
                    WHERE c.sink_id = lanes.sink_id AND c.lane = lanes.lane
                    AND c.status = 1))",
            );
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}
