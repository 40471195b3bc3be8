use std::sync::Arc;

use async_trait::async_trait;
use wharf_domain::{
    Resource, Result, Timestamp,
    instance::InstanceId,
    ports::{PageAccess, PageTicket},
    secret::Secret,
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{Constraints as _, Error},
    micros,
    statement::{Run as _, values},
};

/// Tickets to pairing pages in the database, by keyed hash.
#[derive(Clone, Debug)]
pub struct SeaOrmPageAccess {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmPageAccess {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }

    /// Another than that of a token of the API with the same letters.
    fn hash(&self, token: &Secret) -> Vec<u8> {
        self.keyring.token_hash(&format!("page ticket {}", token.expose())).to_vec()
    }
}

#[async_trait]
impl PageAccess for SeaOrmPageAccess {
    async fn grant(&self, ticket: &PageTicket, now: Timestamp) -> Result<()> {
        let now = micros::from_time(now);
        let row = values![
            self.hash(&ticket.token),
            ticket.instance.0,
            micros::from_time(ticket.expires_at),
            ticket.single_use,
        ];
        let granted = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                txn.run("DELETE FROM page_ticket WHERE expires_at <= $1", values![now]).await?;
                let insert = "INSERT INTO page_ticket (hash, instance_id, expires_at, single_use)
                    VALUES ($1, $2, $3, $4)";
                txn.run(insert, row).await.or_missing(Resource::Instance)?;
                Ok(())
            })
        });
        Ok(granted.await?)
    }

    async fn admit(&self, token: &Secret, now: Timestamp) -> Result<Option<InstanceId>> {
        let (hash, now) = (self.hash(token), micros::from_time(now));
        let sql = "SELECT instance_id, single_use FROM page_ticket
            WHERE hash = $1 AND expires_at > $2";
        let found = self.db.reader().one(sql, values![hash.clone(), now]).await?;
        let Some(found) = found else { return Ok(None) };
        let instance = InstanceId(found.try_get("", "instance_id").map_err(Error::from)?);
        if !found.try_get("", "single_use").map_err(Error::from)? {
            return Ok(Some(instance));
        }
        let used = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "DELETE FROM page_ticket WHERE hash = $1";
                Ok(txn.run(sql, values![hash]).await?.rows_affected() > 0)
            })
        });
        // Of those who race for it one has removed it.
        Ok(used.await?.then_some(instance))
    }
}
