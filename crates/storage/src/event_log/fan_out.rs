//! Who is to be told of an event: one delivery for each sink that wants it.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use uuid::Uuid;
use wharf_domain::{event::EventFilter, instance::InstanceId};
use wharf_seal::Keyring;

use super::prepared::Prepared;
use crate::{
    delivery_queue::{SINK_WEBHOOK, WAITING},
    error::Result,
    locks::{self, LaneKey},
    statement::{Run as _, Sql, batches, values},
    webhook_row,
};

/// An event on its way to a sink.
struct Copy<'a> {
    event: &'a Prepared,
    lane: LaneKey,
    /// Whether no earlier copy of this append waits in the lane.
    is_first: bool,
}

pub(super) async fn enqueue(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    instance: InstanceId,
    events: &[Prepared],
) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let copies = copies(&sinks(txn, instance).await?, events);
    if copies.is_empty() {
        return Ok(());
    }
    let lanes: Vec<_> =
        copies.iter().filter(|copy| copy.is_first).map(|copy| copy.lane.clone()).collect();
    locks::lock_lanes(txn, &lanes).await?;
    let backend = txn.get_database_backend();
    for copies in batches(backend, 7, &copies) {
        txn.execute_raw(insert(keyring, instance, copies).on(backend)).await?;
    }
    Ok(())
}

/// The enabled sinks, as they are configured within this transaction.
async fn sinks(
    txn: &DatabaseTransaction,
    instance: InstanceId,
) -> Result<Vec<(Uuid, EventFilter)>> {
    let sql = "SELECT id, events FROM webhook WHERE instance_id = $1 AND url IS NOT NULL";
    let rows = txn.all(sql, values![instance.0]).await?;
    let sinks = rows.iter().map(|row| Ok((row.try_get("", "id")?, webhook_row::read_filter(row)?)));
    sinks.collect()
}

fn copies<'a>(sinks: &[(Uuid, EventFilter)], events: &'a [Prepared]) -> Vec<Copy<'a>> {
    let mut seen = HashSet::new();
    let mut copies = Vec::new();
    for event in events {
        for (sink, _) in sinks.iter().filter(|(_, filter)| filter.wants(event.kind)) {
            let is_first = seen.insert((*sink, event.lane.as_str()));
            let lane = LaneKey { sink: *sink, lane: event.lane.clone() };
            copies.push(Copy { event, lane, is_first });
        }
    }
    copies
}

/// The first of a lane is its head unless something of the lane is there already; whatever follows is not.
fn insert(keyring: &Keyring, instance: InstanceId, copies: &[Copy<'_>]) -> Sql {
    let rows = copies.iter().map(|copy| {
        values![
            delivery_id(keyring, copy.event.id, copy.lane.sink),
            copy.event.id,
            copy.lane.sink,
            copy.lane.lane.as_str(),
            copy.event.sequence,
            copy.event.due(),
            copy.is_first,
        ]
    });
    Sql::new(
        "WITH copies (id, event_id, sink_id, lane, sequence, due, is_first) AS (VALUES ",
        values![instance.0, SINK_WEBHOOK, WAITING],
    )
    .rows(rows)
    .push(
        ") INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence,
            status, due_at, attempts, head_due)
        SELECT id, event_id, $1, $2, sink_id, lane, sequence, $3, due, 0,
            CASE WHEN is_first AND NOT EXISTS (SELECT 1 FROM delivery d
                WHERE d.sink_id = copies.sink_id AND d.lane = copies.lane AND d.status = 0)
            AND NOT EXISTS (SELECT 1 FROM delivery d
                WHERE d.sink_id = copies.sink_id AND d.lane = copies.lane AND d.status = 1)
            THEN due END
        FROM copies",
    )
}

/// The same for the same event and sink, and in the order of events, which keeps the index of ids compact.
pub(crate) fn delivery_id(keyring: &Keyring, event: Uuid, sink: Uuid) -> Uuid {
    let hash = keyring.token_hash(&format!("delivery of {event} to {sink}"));
    let mut bytes = *event.as_bytes();
    bytes[6..].copy_from_slice(&hash[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
