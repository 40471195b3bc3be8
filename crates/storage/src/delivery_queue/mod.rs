//! The queue: heads that are due and what is behind them, and what becomes of that.

mod due;
mod heads;
mod settle;
mod sinks;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, QueryResult};
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkLane, SinkRef},
    event::Lane,
    ports::{DeliveryQueue, Room},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    locks::LaneKey,
    micros,
};

/// Codes of the column `status`; 1 is not written any more. Indexes are for one of them each, so statements name them by number, too: SQLite does not
/// see that a bound value is the one that an index is for.
pub(crate) const WAITING: i16 = 0;
pub(crate) const DEAD: i16 = 2;
pub(crate) const DELIVERED: i16 = 3;

/// Code of the column `sink_kind`.
pub(crate) const SINK_WEBHOOK: i16 = 1;

pub(crate) use due::webhook;

/// Makes the first that waits the head of each of the lanes of rows that were removed.
pub(crate) async fn promote_lanes_of(
    txn: &DatabaseTransaction,
    rows: &[QueryResult],
) -> error::Result<()> {
    heads::promote(txn, heads::lanes_of(rows)?).await?;
    Ok(())
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
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        if room.lanes == 0 || room.per_lane == 0 {
            return Ok(Vec::new());
        }
        let due = due::due(self.db.reader(), micros::from_time(now), room).await?;
        let mut deliveries = Vec::with_capacity(due.len());
        let mut unreadable = Vec::new();
        for row in due {
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

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        let settlements: Arc<[_]> = settlements.into();
        let settled = self.db.write_repeatable::<_, BTreeSet<LaneKey>, Error>(move |txn| {
            let settlements = settlements.clone();
            Box::pin(async move { settle::settle(txn, &settlements).await })
        });
        let waiting = settled.await?.into_iter();
        Ok(waiting.map(|key| SinkLane { sink: webhook(key.sink), lane: Lane(key.lane) }).collect())
    }

    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>> {
        let heads = sinks::heads_but(self.db.reader(), served).await?;
        let heads = heads.into_iter().map(|(sink, due)| Ok((webhook(sink), micros::to_time(due)?)));
        Ok(heads.collect::<error::Result<_>>()?)
    }
}
