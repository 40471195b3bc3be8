//! The deliveries for whoever looks after them: lists, replays, what is dropped, how much there is.

mod depths;
mod discard;
mod list;
mod requeue;

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use wharf_domain::{
    Result, Timestamp,
    delivery::{DeliveryRecord, DeliveryState, Depth, Replay},
    instance::InstanceId,
    ports::{DeliveryFilter, DeliveryLedger, Requeued},
    webhook::WebhookId,
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    locks, micros,
    statement::{Run as _, values},
};

/// The deliveries in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmDeliveryLedger {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmDeliveryLedger {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

/// Takes the instance's row, so that nothing is appended, queued once more or pruned meanwhile, and its webhook neither
/// changes nor goes.
async fn take(txn: &DatabaseTransaction, instance: InstanceId) -> error::Result<()> {
    let lock = locks::for_change(txn.get_database_backend());
    txn.one(&format!("SELECT id FROM instance WHERE id = $1{lock}"), values![instance.0]).await?;
    Ok(())
}

#[async_trait]
impl DeliveryLedger for SeaOrmDeliveryLedger {
    async fn list(
        &self,
        instance: InstanceId,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>> {
        Ok(list::list(self.db.reader(), instance, filter, limit).await?)
    }

    async fn requeue(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        replay: &Replay,
        from: i64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Requeued> {
        let plan = requeue::Plan { instance, webhook, replay, from, now };
        let Some(step) = plan.step(self.db.reader(), &self.keyring, limit).await? else {
            return Ok(Requeued { queued: 0, next: None });
        };
        let (next, now) = (step.next, micros::from_time(now));
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { requeue::queue(txn, instance, webhook, &step, now).await })
        });
        Ok(Requeued { queued: written.await?, next })
    }

    async fn discard(
        &self,
        instance: InstanceId,
        webhook: WebhookId,
        state: DeliveryState,
        limit: usize,
    ) -> Result<u64> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { discard::discard(txn, instance, webhook, state, limit).await })
        });
        Ok(written.await?)
    }

    async fn depths(&self) -> Result<Vec<Depth>> {
        Ok(depths::depths(self.db.reader()).await?)
    }
}
