//! Which sinks have something that waits.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;
use uuid::Uuid;
use wharf_domain::{
    delivery::{SinkLane, SinkRef},
    event::Lane,
    ports::Room,
    webhook::WebhookId,
};

use super::due::{MAX_SINKS, webhook};
use crate::{
    error::Result,
    statement::{Run as _, Sql, values},
};

/// A sink that has a head and for whose lanes there is room.
pub(super) struct Sink {
    pub(super) id: Uuid,
    /// When its first head is due.
    pub(super) due: i64,
    /// How many of its lanes there is room for.
    pub(super) room: usize,
}

/// Goes from sink to sink in the index, so that it costs as much as there are sinks, however many heads each has. What a
/// disabled one has is held.
const WITH_HEADS: &str = "WITH RECURSIVE sinks (id) AS (
    SELECT (SELECT sink_id FROM delivery WHERE head_due IS NOT NULL ORDER BY sink_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.sink_id FROM delivery d WHERE d.head_due IS NOT NULL AND d.sink_id > sinks.id
        ORDER BY d.sink_id LIMIT 1) FROM sinks WHERE sinks.id IS NOT NULL)
    SELECT id, (SELECT d.head_due FROM delivery d WHERE d.head_due IS NOT NULL
        AND d.sink_id = sinks.id ORDER BY d.head_due LIMIT 1) AS due
    FROM sinks WHERE EXISTS (SELECT 1 FROM webhook w WHERE w.id = sinks.id AND w.url IS NOT NULL)";

pub(super) async fn with_heads(db: &impl ConnectionTrait, room: &Room) -> Result<Vec<Sink>> {
    let mut heads = first_heads(db).await?;
    if heads.len() > MAX_SINKS {
        // One statement cannot ask all of them, and those of which everything is served may be the first.
        heads = heads_but(db, &room.served).await?;
    }
    let mut sinks = Vec::new();
    for (id, due) in heads {
        let room = room.for_sink(webhook(id));
        if room > 0 {
            sinks.push(Sink { id, due, room });
        }
    }
    Ok(sinks)
}

/// When the first head of each sink is due, whoever serves it.
async fn first_heads(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, i64)>> {
    let mut heads = Vec::new();
    for row in db.all(WITH_HEADS, values![]).await? {
        // The last of them may have been settled meanwhile.
        if let Some(due) = row.try_get("", "due")? {
            heads.push((row.try_get("", "id")?, due));
        }
    }
    Ok(heads)
}

/// When the first head of each sink is due that is of none of these lanes.
pub(super) async fn heads_but(
    db: &impl ConnectionTrait,
    served: &HashSet<SinkLane>,
) -> Result<Vec<(Uuid, i64)>> {
    let counts = count(served);
    let mut heads = Vec::new();
    let mut to_ask = Vec::new();
    for (id, due) in first_heads(db).await? {
        match counts.get(&id) {
            Some(count) => to_ask.push((id, *count)),
            None => heads.push((id, due)),
        }
    }
    // SQLite joins at most 500 queries into one.
    for to_ask in to_ask.chunks(MAX_SINKS) {
        // Of some nothing is asked, so that there are few lengths and few statements to be kept prepared.
        let mut asked = to_ask.to_vec();
        asked.resize(to_ask.len().next_power_of_two().min(MAX_SINKS), (Uuid::nil(), 0));
        let mut sql = Sql::new("", values![]);
        for (index, (sink, served)) in asked.iter().enumerate() {
            sql = sql.push(if index == 0 { "" } else { " UNION ALL " });
            sql = sql
                .push(
                    "SELECT * FROM (SELECT sink_id, lane, head_due FROM delivery WHERE sink_id = ",
                )
                .value(*sink)
                .push(" AND head_due IS NOT NULL ORDER BY head_due, sequence LIMIT ")
                .value(i64::try_from(served.saturating_add(1)).unwrap_or(i64::MAX))
                .push(&format!(") AS of_{index}"));
        }
        let mut found = HashSet::new();
        for row in db.query_all_raw(sql.on(db.get_database_backend())).await? {
            let id = row.try_get("", "sink_id")?;
            let lane = SinkLane { sink: webhook(id), lane: Lane(row.try_get("", "lane")?) };
            if !served.contains(&lane) && found.insert(id) {
                heads.push((id, row.try_get("", "head_due")?));
            }
        }
    }
    Ok(heads)
}

/// How many lanes of each sink these are.
pub(super) fn count(lanes: &HashSet<SinkLane>) -> HashMap<Uuid, usize> {
    let mut counts = HashMap::new();
    for lane in lanes {
        if let SinkRef::Webhook(WebhookId(id)) = lane.sink {
            *counts.entry(id).or_default() += 1;
        }
    }
    counts
}
