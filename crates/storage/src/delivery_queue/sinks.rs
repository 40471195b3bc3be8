//! Which sinks have something to claim.

use sea_orm::ConnectionTrait;
use uuid::Uuid;
use wharf_domain::{delivery::SinkRef, ports::Room, webhook::WebhookId};

use crate::{
    error::Result,
    statement::{Run as _, values},
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
    let mut sinks = Vec::new();
    for row in db.all(WITH_HEADS, values![]).await? {
        let id = row.try_get("", "id")?;
        // Somebody may have claimed the last of them meanwhile.
        let Some(due) = row.try_get("", "due")? else { continue };
        let room = room.for_sink(SinkRef::Webhook(WebhookId(id)));
        if room > 0 {
            sinks.push(Sink { id, due, room });
        }
    }
    Ok(sinks)
}
