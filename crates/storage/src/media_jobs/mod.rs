//! The media on its way to buckets: claims of jobs, and what becomes of them and of the deliveries held for them.

mod claim;
mod progress;
mod settle;
mod shares;

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::ConnectionTrait as _;
use wharf_domain::{
    Result, Timestamp,
    event::EventId,
    instance::InstanceId,
    media::{MediaJob, MediaProgress, MediaSettlement},
    message::MessageId,
    ports::MediaJobs,
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::Error,
    locks, micros,
    statement::{Run as _, values},
};

/// Codes of the column `status`. The indexes name the first two, so statements do it by number too: SQLite does not
/// see that a bound value is the one an index is for.
pub(crate) const WAITING: i16 = 0;
const STORED: i16 = 2;
const FAILED: i16 = 3;

/// Media jobs in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmMediaJobs {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmMediaJobs {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

#[async_trait]
impl MediaJobs for SeaOrmMediaJobs {
    async fn claim(&self, now: Timestamp, limit: usize, share: usize) -> Result<Vec<MediaJob>> {
        let due = micros::from_time(now);
        if limit == 0 || share == 0 {
            return Ok(Vec::new());
        }
        let claimed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { claim::claim(txn, due, limit, share).await })
        });
        let mut jobs = Vec::new();
        for row in claimed.await? {
            let event = EventId(row.try_get("", "event_id").map_err(Error::from)?);
            match claim::open(&self.keyring, event, &row) {
                Ok(Some(job)) => jobs.push(job),
                Ok(None) => {
                    let reason = "the stored message is gone".to_owned();
                    self.settle(event, &MediaSettlement::Failed { reason }, now).await?;
                }
                Err(error) => {
                    // No later attempt can do better.
                    tracing::error!(event = %event.0, ?error, "a message with media cannot be read");
                    let reason = "the stored message cannot be read".to_owned();
                    self.settle(event, &MediaSettlement::Failed { reason }, now).await?;
                }
            }
        }
        Ok(jobs)
    }

    async fn settle(
        &self,
        event: EventId,
        settlement: &MediaSettlement,
        now: Timestamp,
    ) -> Result<()> {
        let (settlement, now) = (settlement.clone(), micros::from_time(now));
        let settled = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { settle::settle(txn, event.0, &settlement, now).await })
        });
        Ok(settled.await?)
    }

    async fn hasten(&self, instance: InstanceId, now: Timestamp) -> Result<u64> {
        let now = micros::from_time(now);
        let hastened = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                // A job that somebody else has at this moment, a prune or a removal, need not be hastened.
                let sql = format!(
                    "UPDATE media_job SET due_at = $2 WHERE event_id IN (SELECT event_id
                        FROM media_job WHERE status = 0 AND due_at > $2 AND instance_id = $1{})",
                    locks::skip_locked(txn.get_database_backend())
                );
                Ok(txn.run(&sql, values![instance.0, now]).await?.rows_affected())
            })
        });
        Ok(hastened.await?)
    }

    async fn release_all(&self) -> Result<u64> {
        let released = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE media_job SET status = $1 WHERE status = 1";
                Ok(txn.run(sql, values![WAITING]).await?.rows_affected())
            })
        });
        Ok(released.await?)
    }

    async fn next_due(&self, share: usize) -> Result<Option<Timestamp>> {
        let shares = shares::with_room(self.db.reader(), share).await?;
        let due = shares.iter().map(|share| share.due).min();
        Ok(due.map(micros::to_time).transpose()?)
    }

    async fn progress(&self, event: EventId) -> Result<Option<MediaProgress>> {
        let sql = format!("{} WHERE event_id = $1", progress::SELECT);
        let row = self.db.reader().one(&sql, values![event.0]).await?;
        Ok(row.as_ref().map(progress::read).transpose()?)
    }

    async fn progress_of_message(
        &self,
        instance: InstanceId,
        id: &MessageId,
    ) -> Result<Option<MediaProgress>> {
        let sql = format!(
            "{} WHERE instance_id = $1 AND message_id = $2 ORDER BY sent_at DESC, sequence DESC
             LIMIT 1",
            progress::SELECT
        );
        let row = self.db.reader().one(&sql, values![instance.0, id.as_str()]).await?;
        Ok(row.as_ref().map(progress::read).transpose()?)
    }
}
