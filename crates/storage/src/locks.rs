//! Who waits for whom on PostgreSQL; on SQLite there is one writer, so nobody has to.
//!
//! In the order in which they are taken, so that no two transactions wait for each other:
//!
//! 1. the **row of the account or instance** that is changed. Appends hold the instance's, since they take sequences from
//!    it, and so do imports of messages; whoever changes its webhooks or removes it takes it first, so that no event is fanned out meanwhile.
//! 2. the **rows lock**: shared by whoever settles, exclusive for whoever removes deliveries of whole sinks.
//! 3. the **lanes**, by the numbers of their locks, sorted: of appends and settlements in one lane, the later sees what the
//!    earlier did. Otherwise an append could find a lane occupied by a delivery that is just being settled, and nobody would
//!    make its own the head.
//! 4. the **row of a media job**, by whoever settles it: removals take it, too, once they have all of the above.
//!
//! Beside these is the lock on the **claims of media**: whoever has it waits for nothing else.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use uuid::Uuid;

use crate::{
    error::Result,
    statement::{Run as _, Sql, batches, values},
};

/// The number under which the lock on the rows goes; any will do, as long as all processes take the same.
const ROWS: i64 = 0x77_68_61_72_66_01;

/// The number of the lock on the claims of media.
const MEDIA_CLAIMS: i64 = 0x77_68_61_72_66_02;

/// A sink's lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// Settlements go on side by side.
pub(crate) async fn share_rows(txn: &impl ConnectionTrait) -> Result<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.run("SELECT pg_advisory_xact_lock_shared($1)", values![ROWS]).await?;
    }
    Ok(())
}

/// Nobody settles until the transaction ends.
pub(crate) async fn own_rows(txn: &impl ConnectionTrait) -> Result<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.run("SELECT pg_advisory_xact_lock($1)", values![ROWS]).await?;
    }
    Ok(())
}

/// Nobody claims media until the transaction ends: shares are counted before they are taken.
pub(crate) async fn own_media_claims(txn: &impl ConnectionTrait) -> Result<()> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.run("SELECT pg_advisory_xact_lock($1)", values![MEDIA_CLAIMS]).await?;
    }
    Ok(())
}

/// Nobody appends to these lanes of instances, or settles in them, until the transaction ends, whichever the sink.
pub(crate) async fn lock_lanes(
    txn: &impl ConnectionTrait,
    lanes: &[(Uuid, impl AsRef<str>)],
) -> Result<()> {
    let backend = txn.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(());
    }
    let keys = lock_numbers(lanes);
    for keys in batches(backend, 1, &keys) {
        let rows = keys.iter().map(|key| values![*key]);
        let sql = Sql::new("SELECT pg_advisory_xact_lock(number) FROM (VALUES ", vec![])
            .rows(rows)
            .push(") AS lanes (number)");
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}

/// The numbers of the locks of these lanes, sorted, each once.
fn lock_numbers(lanes: &[(Uuid, impl AsRef<str>)]) -> Vec<i64> {
    let mut numbers: Vec<i64> =
        lanes.iter().map(|(instance, lane)| lock_number(*instance, lane.as_ref())).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Reads the columns `instance_id` and `lane`.
pub(crate) fn lanes_to_lock(rows: &[QueryResult]) -> Result<Vec<(Uuid, String)>> {
    let lanes =
        rows.iter().map(|row| Ok((row.try_get("", "instance_id")?, row.try_get("", "lane")?)));
    lanes.collect()
}

/// One of 256 numbers an instance: all advisory locks of a PostgreSQL server share one table of a fixed size, and an append
/// may concern thousands of lanes. Lanes that share a number wait for each other in vain, which does no harm.
fn lock_number(instance: Uuid, lane: &str) -> i64 {
    let instance = hash(instance.as_bytes()) << 8;
    let bucket = hash(lane.as_bytes()).to_be_bytes().iter().fold(0, |all, byte| all ^ byte);
    (instance | u64::from(bucket)).cast_signed()
}

/// FNV-1a, 64 bits: all processes must come to the same number.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_lanes_an_instance_has_its_locks_are_few_and_in_order() {
        let instances = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let lanes = |instance| (0..5_000).map(move |n| (instance, format!("{n}@lid")));
        let [one, other] =
            instances.map(|instance| lock_numbers(&lanes(instance).collect::<Vec<_>>()));
        for numbers in [&one, &other] {
            assert!((200..=256).contains(&numbers.len()), "{}", numbers.len());
            assert!(numbers.is_sorted());
        }
        assert!(one.iter().all(|number| !other.contains(number)), "instances wait for each other");
    }
}
