use sea_orm::QueryResult;
use wharf_domain::media::{MediaProgress, StoredObject};

use super::{FAILED, STORED};
use crate::error::{Error, Result};

/// All that is told of a job.
pub(super) const SELECT: &str =
    "SELECT status, last_error, endpoint, bucket, object_key FROM media_job";

/// Reads what [`SELECT`] gives.
pub(super) fn read(row: &QueryResult) -> Result<MediaProgress> {
    let reason: Option<String> = row.try_get("", "last_error")?;
    Ok(match row.try_get("", "status")? {
        STORED => MediaProgress::Stored(object(row)?),
        FAILED => MediaProgress::Failed(reason.ok_or(Error::nonsense("media job"))?),
        // Waiting or claimed, which is the same to whoever asks.
        _ => MediaProgress::Waiting(reason),
    })
}

fn object(row: &QueryResult) -> Result<StoredObject> {
    let (bucket, key): (Option<_>, Option<_>) =
        (row.try_get("", "bucket")?, row.try_get("", "object_key")?);
    Ok(StoredObject {
        endpoint: row.try_get("", "endpoint")?,
        bucket: bucket.ok_or(Error::nonsense("media job"))?,
        key: key.ok_or(Error::nonsense("media job"))?,
    })
}
