//! Who is to be told of an event: one delivery for each sink that wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Value};
use uuid::Uuid;
use wharf_domain::{delivery::DeliveryId, event::EventFilter, ports::QueuedDelivery};
use wharf_seal::Keyring;

use super::append::Entry;
use crate::{
    delivery_queue::{SINK_WEBHOOK, WAITING, webhook},
    error::Result,
    locks,
    statement::{Sql, batches, inserts, values},
    webhook_row,
};

/// An event on its way to a sink.
struct Copy<'a> {
    id: Uuid,
    entry: &'a Entry<'a>,
    sink: Uuid,
    /// The sequence of what waits before it in its lane.
    after: Option<i64>,
}

/// What of each event was queued that is due at once.
pub(super) async fn enqueue(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    entries: &[Entry<'_>],
) -> Result<HashMap<Uuid, Vec<QueuedDelivery>>> {
    let mut tails = tails(txn, entries).await?;
    let mut copies = Vec::new();
    for entry in entries {
        let lane = (entry.instance, entry.event.lane.clone());
        for (sink, tail) in tails.get_mut(&lane).into_iter().flatten() {
            if tail.filter.wants(entry.event.kind) {
                let id = delivery_id(keyring, entry.event.id, *sink);
                let after = tail.last.replace(entry.sequence);
                copies.push(Copy { id, entry, sink: *sink, after });
            }
        }
    }
    let insert_into = "INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence, status, due_at, attempts,
        head_due)";
    let rows: Vec<_> = copies.iter().map(row).collect();
    for statement in
        inserts(txn.get_database_backend(), insert_into, "ON CONFLICT (id) DO NOTHING", &rows)
    {
        txn.execute_raw(statement).await?;
    }
    let mut queued: HashMap<Uuid, Vec<QueuedDelivery>> = HashMap::new();
    for Copy { id, entry, sink, after } in copies {
        if entry.media().is_none() {
            let one = QueuedDelivery { id: DeliveryId(id), sink: webhook(sink), after };
            queued.entry(entry.event.id).or_default().push(one);
        }
    }
    Ok(queued)
}

/// The first of a lane is its head.
fn row(copy: &Copy<'_>) -> Vec<Value> {
    let Copy { id, entry, sink, after } = copy;
    let due = entry.due();
    values![
        *id,
        entry.event.id,
        entry.instance,
        SINK_WEBHOOK,
        *sink,
        entry.event.lane.as_str(),
        entry.sequence,
        WAITING,
        due,
        0,
        after.is_none().then_some(due),
    ]
}

/// What a sink is told of a lane.
struct Tail {
    filter: EventFilter,
    /// The sequence of the last that waits.
    last: Option<i64>,
}

/// By instance and lane.
type Tails = HashMap<(Uuid, String), BTreeMap<Uuid, Tail>>;

/// What there is in the lanes of these events for each enabled sink, as it is configured within this transaction.
async fn tails(txn: &DatabaseTransaction, entries: &[Entry<'_>]) -> Result<Tails> {
    let backend = txn.get_database_backend();
    let lanes: BTreeSet<_> =
        entries.iter().map(|entry| (entry.instance, entry.event.lane.as_str())).collect();
    let lanes: Vec<_> = lanes.into_iter().collect();
    locks::lock_lanes(txn, &lanes).await?;
    let mut tails = Tails::new();
    for lanes in batches(backend, 2, &lanes) {
        let rows = lanes.iter().map(|(instance, lane)| values![*instance, *lane]);
        let sql =
            Sql::new("WITH lanes (instance_id, lane) AS (VALUES ", vec![]).padded_rows(rows).push(
                ") SELECT w.instance_id AS instance_id, lanes.lane AS lane, w.id AS sink_id,
                    w.events AS events, (SELECT d.sequence FROM delivery d
                        WHERE d.sink_id = w.id AND d.lane = lanes.lane AND d.status = 0
                        ORDER BY d.sequence DESC LIMIT 1) AS last
                FROM lanes CROSS JOIN webhook w
                WHERE w.instance_id = lanes.instance_id AND w.url IS NOT NULL",
            );
        for row in txn.query_all_raw(sql.on(backend)).await? {
            let lane = (row.try_get("", "instance_id")?, row.try_get("", "lane")?);
            let tail =
                Tail { filter: webhook_row::read_filter(&row)?, last: row.try_get("", "last")? };
            tails.entry(lane).or_default().insert(row.try_get("", "sink_id")?, tail);
        }
    }
    Ok(tails)
}

/// The same for the same event and sink, and in the order of events, which keeps the index of ids compact.
pub(crate) fn delivery_id(keyring: &Keyring, event: Uuid, sink: Uuid) -> Uuid {
    let hash = keyring.token_hash(&format!("delivery of {event} to {sink}"));
    let mut bytes = *event.as_bytes();
    bytes[6..].copy_from_slice(&hash[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
