//! The queue: claims of heads and what is behind them, and what becomes of what was claimed.

mod claim;
mod heads;
mod settle;
mod sinks;

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, QueryResult};
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement},
    ports::{DeliveryQueue, Room},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    locks, micros,
    statement::{Run as _, values},
};

/// Codes of the column `status`. Indexes are for one of them each, so statements name them by number, too: SQLite does not
/// see that a bound value is the one that an index is for.
pub(crate) const WAITING: i16 = 0;
pub(crate) const CLAIMED: i16 = 1;
pub(crate) const DEAD: i16 = 2;
pub(crate) const DELIVERED: i16 = 3;

/// Code of the column `sink_kind`.
pub(crate) const SINK_WEBHOOK: i16 = 1;

/// Makes the first that waits the head of each of the lanes of rows that were removed.
pub(crate) async fn promote_lanes_of(
    txn: &DatabaseTransaction,
    rows: &[QueryResult],
) -> error::Result<()> {
    heads::promote(txn, heads::lanes(rows)?).await
}

/// Deliveries in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmDeliveryQueue {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmDeliveryQueue {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

#[async_trait]
impl DeliveryQueue for SeaOrmDeliveryQueue {
    async fn claim(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        if room.lanes == 0 || room.per_lane == 0 {
            return Ok(Vec::new());
        }
        let now = micros::from_time(now);
        let runs = claim::plan(self.db.reader(), now, room).await?;
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = runs.iter().map(claim::Wanted::of).collect();
        let claim = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { claim::take(txn, now, wanted).await })
        });
        let claim = claim.await?;
        let mut deliveries = Vec::new();
        let mut unreadable = Vec::new();
        for row in claim.of(runs) {
            let id = row.id;
            match row.open(&self.keyring) {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    // It would stop its lane for good, and no later attempt can do better.
                    tracing::error!(delivery = %id, ?error, "an event in the queue cannot be read");
                    let reason = "the stored event cannot be read".to_owned();
                    unreadable.push((DeliveryId(id), Settlement::Dead { status: None, reason }));
                }
            }
        }
        self.settle(&unreadable).await?;
        Ok(deliveries)
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()> {
        if settlements.is_empty() {
            return Ok(());
        }
        let settlements = settlements.to_vec();
        let settled = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { settle::settle(txn, &settlements).await })
        });
        Ok(settled.await?)
    }

    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.0).collect();
        let released = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { settle::release(txn, &ids).await })
        });
        Ok(released.await?)
    }

    async fn release_all(&self) -> Result<u64> {
        let released = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                locks::own_rows(txn).await?;
                let sql = "UPDATE delivery SET status = 0 WHERE status = 1 RETURNING sink_id, lane";
                let rows = txn.all(sql, values![]).await?;
                heads::promote(txn, heads::lanes(&rows)?).await?;
                Ok(rows.len() as u64)
            })
        });
        Ok(released.await?)
    }

    async fn next_due(&self, room: &Room) -> Result<Option<Timestamp>> {
        let sinks = sinks::with_heads(self.db.reader(), room).await?;
        let due = sinks.iter().map(|sink| sink.due).min();
        Ok(due.map(micros::to_time).transpose()?)
    }
}
