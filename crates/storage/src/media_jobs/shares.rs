//! Which instances have media waiting, and how much more of it may be claimed.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    error::Result,
    statement::{Run as _, values},
};

/// An instance that has jobs waiting and less than its share claimed.
pub(super) struct Share {
    pub(super) instance: Uuid,
    /// When the first of its jobs is due.
    pub(super) due: i64,
    /// How many more may be claimed.
    pub(super) room: i64,
}

/// Goes from instance to instance in the index, so that it costs as much as there are instances, however long their
/// backlogs are.
const WAITING: &str = "WITH RECURSIVE waiting (id) AS (
    SELECT (SELECT instance_id FROM media_job WHERE status = 0 ORDER BY instance_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.instance_id FROM media_job j WHERE j.status = 0 AND j.instance_id > waiting.id
        ORDER BY j.instance_id LIMIT 1) FROM waiting WHERE waiting.id IS NOT NULL)
    SELECT id, (SELECT j.due_at FROM media_job j WHERE j.status = 0 AND j.instance_id = waiting.id
            ORDER BY j.due_at LIMIT 1) AS due,
        (SELECT COUNT(*) FROM media_job j WHERE j.status = 1 AND j.instance_id = waiting.id)
            AS claimed
    FROM waiting WHERE id IS NOT NULL";

pub(super) async fn with_room(db: &impl ConnectionTrait, share: usize) -> Result<Vec<Share>> {
    let share = i64::try_from(share).unwrap_or(i64::MAX);
    let mut shares = Vec::new();
    for row in db.all(WAITING, values![]).await? {
        let claimed: i64 = row.try_get("", "claimed")?;
        let room = share.saturating_sub(claimed);
        if room > 0 {
            shares.push(Share {
                instance: row.try_get("", "id")?,
                due: row.try_get("", "due")?,
                room,
            });
        }
    }
    Ok(shares)
}
