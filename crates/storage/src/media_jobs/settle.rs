use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};
use uuid::Uuid;
use wharf_domain::media::MediaSettlement;

use super::{FAILED, STORED, WAITING};
use crate::{
    delivery_queue,
    error::Result,
    locks, micros,
    statement::{Run as _, values},
};

pub(super) async fn settle(
    txn: &DatabaseTransaction,
    event: Uuid,
    settlement: &MediaSettlement,
    now: i64,
) -> Result<()> {
    let (sql, values) = match settlement {
        MediaSettlement::Retry { due, reason } => (
            "UPDATE media_job SET status = $2, attempts = attempts + 1, due_at = $3,
                last_error = $4 WHERE event_id = $1 AND status = 1",
            values![event, WAITING, micros::from_time(*due), reason.as_str()],
        ),
        MediaSettlement::Stored(object) => (
            "UPDATE media_job SET status = $2, last_error = NULL, endpoint = $3, bucket = $4,
                object_key = $5 WHERE event_id = $1 AND status = 1",
            values![
                event,
                STORED,
                object.endpoint.as_deref(),
                object.bucket.as_str(),
                object.key.as_str()
            ],
        ),
        MediaSettlement::Failed { reason } => (
            "UPDATE media_job SET status = $2, last_error = $3 WHERE event_id = $1 AND status = 1",
            values![event, FAILED, reason.as_str()],
        ),
    };
    // Before any row of the job, since whoever removes an instance takes them in this order too.
    lock_lanes_of(txn, event).await?;
    let is_settled = txn.run(sql, values).await?.rows_affected() > 0;
    if is_settled && !matches!(settlement, MediaSettlement::Retry { .. }) {
        release_deliveries(txn, event, now).await?;
    }
    Ok(())
}

/// Those that were held are due now; the head of a lane is told apart by `head_due`.
async fn release_deliveries(txn: &DatabaseTransaction, event: Uuid, now: i64) -> Result<()> {
    let sql = "UPDATE delivery SET due_at = $2,
            head_due = CASE WHEN head_due IS NOT NULL THEN $2 END
        WHERE event_id = $1 AND status = $3 AND attempts = 0 AND due_at > $2";
    txn.run(sql, values![event, now, delivery_queue::WAITING]).await?;
    Ok(())
}

/// So that none of the deliveries becomes its lane's head meanwhile.
async fn lock_lanes_of(txn: &DatabaseTransaction, event: Uuid) -> Result<()> {
    if txn.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    locks::share_rows(txn).await?;
    let sql = "SELECT instance_id, lane FROM delivery WHERE event_id = $1";
    let rows = txn.all(sql, values![event]).await?;
    locks::lock_lanes(txn, &locks::lanes_to_lock(&rows)?).await
}
