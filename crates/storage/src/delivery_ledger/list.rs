use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;
use wharf_domain::{
    delivery::{DeliveryId, DeliveryRecord, DeliveryState},
    event::EventId,
    instance::InstanceId,
    ports::DeliveryFilter,
    webhook::WebhookLabel,
};

use crate::{
    delivery_queue::{DEAD, DELIVERED, WAITING},
    error::{Error, Result},
    event_log::read_kind,
    micros,
    statement::{Sql, values},
};

/// As many runs as one statement joins: SQLite would take 500.
const MAX_RUNS: usize = 100;

/// A webhook of the instance.
struct Sink {
    label: WebhookLabel,
    is_enabled: bool,
}

/// The deliveries of one sink with one code, which lie side by side in the order of their ids.
struct Run {
    sink: Uuid,
    status: i16,
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    instance: InstanceId,
    filter: &DeliveryFilter,
    limit: usize,
) -> Result<Vec<DeliveryRecord>> {
    let sinks = sinks(db, instance, filter).await?;
    let runs = sinks.iter().flat_map(|(id, sink)| {
        let statuses = statuses(filter.state, sink.is_enabled).iter();
        statuses.map(|status| Run { sink: *id, status: *status })
    });
    let runs: Vec<_> = runs.collect();
    let mut records = Vec::new();
    for runs in runs.chunks(MAX_RUNS) {
        let sql = page(runs, filter.after, limit);
        for row in db.query_all_raw(sql.on(db.get_database_backend())).await? {
            let sink: Uuid = row.try_get("", "sink_id")?;
            records.push(record(&row, sinks.get(&sink).ok_or(Error::nonsense("sink"))?)?);
        }
    }
    records.sort_by_key(|record| record.id);
    records.truncate(limit);
    Ok(records)
}

async fn sinks(
    db: &impl ConnectionTrait,
    instance: InstanceId,
    filter: &DeliveryFilter,
) -> Result<HashMap<Uuid, Sink>> {
    let sql = "SELECT id, label, url IS NOT NULL AS is_enabled FROM webhook WHERE instance_id = $1";
    let mut sql = Sql::new(sql, values![instance.0]);
    if let Some(webhook) = filter.webhook {
        sql = sql.push(" AND id = ").value(webhook.0);
    }
    let mut sinks = HashMap::new();
    for row in db.query_all_raw(sql.on(db.get_database_backend())).await? {
        let label: String = row.try_get("", "label")?;
        let label = WebhookLabel::parse(Some(&label));
        let label = label.map_err(|_| Error::nonsense("webhook label"))?;
        let is_enabled = row.try_get("", "is_enabled")?;
        sinks.insert(row.try_get("", "id")?, Sink { label, is_enabled });
    }
    Ok(sinks)
}

/// The codes of what is in a state.
fn statuses(state: Option<DeliveryState>, is_enabled: bool) -> &'static [i16] {
    match (state, is_enabled) {
        (None, _) => &[WAITING, DEAD, DELIVERED],
        (Some(DeliveryState::Pending), true) | (Some(DeliveryState::Held), false) => &[WAITING],
        (Some(DeliveryState::Pending), false) | (Some(DeliveryState::Held), true) => &[],
        (Some(DeliveryState::Dead), _) => &[DEAD],
        (Some(DeliveryState::Delivered), _) => &[DELIVERED],
    }
}

fn page(runs: &[Run], after: Option<DeliveryId>, limit: usize) -> Sql {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let after = after.map_or(Uuid::nil(), |after| after.0);
    let mut sql = Sql::new("SELECT found.*, e.kind FROM (", values![after, limit]);
    for (index, run) in runs.iter().enumerate() {
        sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql = sql
            .push(
                "SELECT * FROM (SELECT id, event_id, sink_id, status, attempts, due_at,
                    last_status, last_error FROM delivery WHERE id > $1 AND sink_id = ",
            )
            .value(run.sink)
            // As a number: each has an index of its own.
            .push(&format!(" AND status = {} ORDER BY id LIMIT $2) AS run_{index}", run.status));
    }
    sql.push(") AS found JOIN event e ON e.id = found.event_id ORDER BY found.id LIMIT $2")
}

fn record(row: &QueryResult, sink: &Sink) -> Result<DeliveryRecord> {
    let state = match row.try_get("", "status")? {
        WAITING if !sink.is_enabled => DeliveryState::Held,
        WAITING => DeliveryState::Pending,
        DEAD => DeliveryState::Dead,
        DELIVERED => DeliveryState::Delivered,
        _ => return Err(Error::nonsense("delivery")),
    };
    let attempts: i32 = row.try_get("", "attempts")?;
    let last_status: Option<i16> = row.try_get("", "last_status")?;
    let due = micros::to_time(row.try_get("", "due_at")?)?;
    Ok(DeliveryRecord {
        id: DeliveryId(row.try_get("", "id")?),
        event: EventId(row.try_get("", "event_id")?),
        kind: read_kind(row.try_get("", "kind")?)?,
        label: sink.label.clone(),
        state,
        attempts: u32::try_from(attempts).map_err(|_| Error::nonsense("attempts"))?,
        next_attempt_at: (state == DeliveryState::Pending).then_some(due),
        last_status: last_status.and_then(|status| u16::try_from(status).ok()),
        last_error: row.try_get("", "last_error")?,
    })
}
