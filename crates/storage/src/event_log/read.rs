//! Reading the log in its order.

use sea_orm::ConnectionTrait;
use uuid::Uuid;
use wharf_domain::{
    Timestamp,
    event::{Event, EventId},
    instance::InstanceId,
    ports::LogStart,
};
use wharf_seal::Keyring;

use super::StoredEvent;
use crate::{
    error::Result,
    micros,
    statement::{Run as _, values},
};

/// How much earlier than its neighbours an event may have been recorded: clocks are set, and some are written down only
/// when the database is back.
const DISORDER: i64 = 600 * 1_000_000;

/// Reads the next events; those that cannot be read are passed over.
pub(super) async fn events(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    instance: InstanceId,
    from: LogStart,
    limit: usize,
) -> Result<Vec<Event>> {
    let (mut after, since) = start(db, instance, from).await?;
    let mut events = Vec::new();
    while events.len() < limit {
        let sql = "SELECT id, instance_id, sequence, recorded_at, body FROM event
            WHERE instance_id = $1 AND sequence > $2 AND recorded_at >= $3
            ORDER BY sequence LIMIT $4";
        let missing = i64::try_from(limit - events.len()).unwrap_or(i64::MAX);
        let rows = db.all(sql, values![instance.0, after, since, missing]).await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("", "sequence")?;
        for row in rows {
            let id: Uuid = row.try_get("", "id")?;
            match StoredEvent::read(&row)?.open(keyring) {
                Ok(event) => events.push(event),
                Err(error) => tracing::error!(event = %id, ?error, "an event cannot be read"),
            }
        }
    }
    Ok(events)
}

/// After which sequence, and recorded at which moment or later.
async fn start(
    db: &impl ConnectionTrait,
    instance: InstanceId,
    from: LogStart,
) -> Result<(i64, i64)> {
    Ok(match from {
        LogStart::Oldest => (i64::MIN, i64::MIN),
        LogStart::AfterSequence(sequence) => (sequence, i64::MIN),
        LogStart::Since(since) => (place(db, instance, since).await?, micros::from_time(since)),
        LogStart::AfterEvent(event) => {
            if let Some(sequence) = sequence_of(db, instance, event).await? {
                return Ok((sequence, i64::MIN));
            }
            let since = event.moment();
            (place(db, instance, since).await?, micros::from_time(since))
        }
    })
}

async fn sequence_of(
    db: &impl ConnectionTrait,
    instance: InstanceId,
    event: EventId,
) -> Result<Option<i64>> {
    let sql = "SELECT sequence FROM event WHERE id = $1 AND instance_id = $2";
    let row = db.one(sql, values![event.0, instance.0]).await?;
    Ok(row.map(|row| row.try_get("", "sequence")).transpose()?)
}

/// A sequence behind which everything is that was recorded at that moment or later, and little else. Found by halves,
/// since the log is in the order of time but for some disorder: an index of times costs every event.
pub(crate) async fn place(
    db: &impl ConnectionTrait,
    instance: InstanceId,
    since: Timestamp,
) -> Result<i64> {
    let since = micros::from_time(since).saturating_sub(DISORDER);
    // Each by itself: SQLite looks at every row for both together.
    let ends = "SELECT (SELECT MIN(sequence) FROM event WHERE instance_id = $1) AS first,
        (SELECT MAX(sequence) FROM event WHERE instance_id = $1) AS last";
    let Some(row) = db.one(ends, values![instance.0]).await? else { return Ok(0) };
    let (Some(first), Some(last)) =
        (row.try_get::<Option<i64>>("", "first")?, row.try_get::<Option<i64>>("", "last")?)
    else {
        return Ok(0);
    };
    // Whatever is at `low` or before was recorded earlier, whatever is behind `high` was not.
    let (mut low, mut high) = (first - 1, last);
    while low < high {
        let middle = low + (high - low) / 2 + 1;
        // The last of the lower half: those between may be gone.
        let sql = "SELECT sequence, recorded_at FROM event
            WHERE instance_id = $1 AND sequence <= $2 AND sequence > $3
            ORDER BY sequence DESC LIMIT 1";
        let row = db.one(sql, values![instance.0, middle, low]).await?;
        let is_earlier = match row {
            Some(row) => row.try_get::<i64>("", "recorded_at")? < since,
            None => true,
        };
        if is_earlier {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}
