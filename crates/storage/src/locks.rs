//! Who waits for whom on PostgreSQL; on SQLite there is one writer, so nobody has to.
//!
//! In the order in which they are taken, so that no two transactions wait for each other:
//!
//! 1. the **row of the account or instance** that is changed. Appends hold the instance's, since they take sequences from
//!    it; whoever changes its webhooks or removes it takes it first, so that no event is fanned out meanwhile.
//! 2. the **rows lock**: shared by whoever claims or settles, exclusive for whoever removes deliveries of whole sinks.
//! 3. the **lanes**, sorted: of appends and settlements in one lane, the later sees what the earlier did. Otherwise an
//!    append could find a lane occupied by a delivery that is just being settled, and nobody would make its own the head.

use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

use crate::{
    error::Result,
    statement::{Run as _, Sql, batches, values},
};

/// The number under which the lock on the rows goes; any will do, as long as all processes take the same.
const ROWS: i64 = 0x77_68_61_72_66_01;

/// A sink's lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LaneKey {
    pub(crate) sink: Uuid,
    pub(crate) lane: String,
}

/// What a `SELECT` of the row that is to be changed ends with.
pub(crate) fn for_change(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR NO KEY UPDATE" } else { "" }
}

/// What a `SELECT` of rows that are to be removed ends with.
pub(crate) fn for_removal(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR UPDATE" } else { "" }
}

/// What a `SELECT` of rows that somebody else may have ends with.
pub(crate) fn skip_locked(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" }
}

/// Claims and settlements go on side by side.
pub(crate) async fn share_rows(txn: &impl ConnectionTrait) -> Result<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.run("SELECT pg_advisory_xact_lock_shared($1)", values![ROWS]).await?;
    }
    Ok(())
}

/// Nobody claims or settles until the transaction ends.
pub(crate) async fn own_rows(txn: &impl ConnectionTrait) -> Result<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.run("SELECT pg_advisory_xact_lock($1)", values![ROWS]).await?;
    }
    Ok(())
}

/// Nobody appends to these lanes or settles in them until the transaction ends.
pub(crate) async fn lock_lanes(txn: &impl ConnectionTrait, lanes: &[LaneKey]) -> Result<()> {
    let backend = txn.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(());
    }
    let mut keys: Vec<i64> = lanes.iter().map(lock_number).collect();
    keys.sort_unstable();
    keys.dedup();
    for keys in batches(backend, 1, &keys) {
        let rows = keys.iter().map(|key| values![*key]);
        let sql = Sql::new("SELECT pg_advisory_xact_lock(number) FROM (VALUES ", vec![])
            .rows(rows)
            .push(") AS lanes (number)");
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}

/// FNV-1a, 64 bits: all processes must come to the same number. Lanes that share one wait for each other in vain,
/// which does no harm.
fn lock_number(lane: &LaneKey) -> i64 {
    let bytes = lane.sink.as_bytes().iter().chain(lane.lane.as_bytes());
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    hash.cast_signed()
}
