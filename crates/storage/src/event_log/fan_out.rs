//! Who is to be told of an event: one delivery for each sink that wants it.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Value};
use uuid::Uuid;
use wharf_domain::{delivery::DeliveryId, event::EventFilter, ports::QueuedDelivery};
use wharf_seal::Keyring;

use super::append::Entry;
use crate::{
    delivery_queue::{SINK_WEBHOOK, WAITING, webhook},
    error::Result,
    locks::{self, LaneKey},
    statement::{Sql, batches, id_batches, inserts, values},
    webhook_row,
};

/// An event on its way to a sink.
struct Copy<'a> {
    id: Uuid,
    entry: &'a Entry<'a>,
    lane: LaneKey,
    /// The sequence of what waits before it in its lane.
    after: Option<i64>,
}

/// What of each event was queued that is due at once.
pub(super) async fn enqueue(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    entries: &[Entry<'_>],
) -> Result<HashMap<Uuid, Vec<QueuedDelivery>>> {
    let sinks = sinks(txn, entries).await?;
    let mut copies = Vec::new();
    for entry in entries {
        let sinks = sinks.get(&entry.instance).into_iter().flatten();
        for (sink, _) in sinks.filter(|(_, filter)| filter.wants(entry.event.kind)) {
            let id = delivery_id(keyring, entry.event.id, *sink);
            let lane = LaneKey { sink: *sink, lane: entry.event.lane.clone() };
            copies.push(Copy { id, entry, lane, after: None });
        }
    }
    line_up(txn, &mut copies).await?;
    let insert_into = "INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence, status, due_at, attempts,
        head_due)";
    let rows: Vec<_> = copies.iter().map(row).collect();
    for statement in
        inserts(txn.get_database_backend(), insert_into, "ON CONFLICT (id) DO NOTHING", &rows)
    {
        txn.execute_raw(statement).await?;
    }
    let mut queued: HashMap<Uuid, Vec<QueuedDelivery>> = HashMap::new();
    for Copy { id, entry, lane, after } in copies {
        if entry.media().is_none() {
            let one = QueuedDelivery { id: DeliveryId(id), sink: webhook(lane.sink), after };
            queued.entry(entry.event.id).or_default().push(one);
        }
    }
    Ok(queued)
}

/// The first of a lane is its head.
fn row(copy: &Copy<'_>) -> Vec<Value> {
    let Copy { id, entry, lane, after } = copy;
    let due = entry.due();
    values![
        *id,
        entry.event.id,
        entry.instance,
        SINK_WEBHOOK,
        lane.sink,
        lane.lane.as_str(),
        entry.sequence,
        WAITING,
        due,
        0,
        after.is_none().then_some(due),
    ]
}

/// The enabled sinks of each instance, as they are configured within this transaction.
async fn sinks(
    txn: &DatabaseTransaction,
    entries: &[Entry<'_>],
) -> Result<HashMap<Uuid, Vec<(Uuid, EventFilter)>>> {
    let backend = txn.get_database_backend();
    let instances: HashSet<_> = entries.iter().map(|entry| entry.instance).collect();
    let instances: Vec<_> = instances.into_iter().collect();
    let mut sinks: HashMap<Uuid, Vec<_>> = HashMap::new();
    for instances in id_batches(&instances) {
        let sql = "SELECT id, instance_id, events FROM webhook WHERE url IS NOT NULL
            AND instance_id IN ";
        let sql = Sql::new(sql, vec![]).ids(instances);
        for row in txn.query_all_raw(sql.on(backend)).await? {
            let sink = (row.try_get("", "id")?, webhook_row::read_filter(&row)?);
            sinks.entry(row.try_get("", "instance_id")?).or_default().push(sink);
        }
    }
    Ok(sinks)
}

/// Finds what waits before each in its lane.
async fn line_up(txn: &DatabaseTransaction, copies: &mut [Copy<'_>]) -> Result<()> {
    let backend = txn.get_database_backend();
    let lanes: HashSet<_> = copies.iter().map(|copy| copy.lane.clone()).collect();
    let lanes: Vec<_> = lanes.into_iter().collect();
    locks::lock_lanes(txn, &lanes).await?;
    let mut last: HashMap<LaneKey, i64> = HashMap::new();
    for lanes in batches(backend, 2, &lanes) {
        let rows = lanes.iter().map(|lane| values![lane.sink, lane.lane.as_str()]);
        let sql =
            Sql::new("WITH lanes (sink_id, lane) AS (VALUES ", vec![]).padded_rows(rows).push(
                ") SELECT sink_id, lane, (SELECT d.sequence FROM delivery d
                    WHERE d.sink_id = lanes.sink_id AND d.lane = lanes.lane AND d.status = 0
                    ORDER BY d.sequence DESC LIMIT 1) AS last
                FROM lanes",
            );
        for row in txn.query_all_raw(sql.on(backend)).await? {
            if let Some(sequence) = row.try_get("", "last")? {
                let (sink, lane) = (row.try_get("", "sink_id")?, row.try_get("", "lane")?);
                last.insert(LaneKey { sink, lane }, sequence);
            }
        }
    }
    for copy in copies {
        copy.after = last.insert(copy.lane.clone(), copy.entry.sequence);
    }
    Ok(())
}

/// The same for the same event and sink, and in the order of events, which keeps the index of ids compact.
pub(crate) fn delivery_id(keyring: &Keyring, event: Uuid, sink: Uuid) -> Uuid {
    let hash = keyring.token_hash(&format!("delivery of {event} to {sink}"));
    let mut bytes = *event.as_bytes();
    bytes[6..].copy_from_slice(&hash[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
