use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use wharf_domain::{
    Resource, Result, Timestamp,
    account::AccountId,
    instance::{Instance, InstanceId, InstanceName},
    ports::{InstanceChange, InstanceStore},
    state::Standing,
    webhook::Webhook,
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Constraints as _, Error},
    instance_row::{self, Cells, SELECT},
    locks, micros,
    statement::{Run as _, Sql, values},
    webhook_row,
};

/// Instances in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmInstanceStore {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmInstanceStore {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

/// Takes the account's row, so that of concurrent inserts each sees the others' instances, and gives its quota.
async fn quota_of(txn: &DatabaseTransaction, account: AccountId) -> error::Result<Option<i64>> {
    let lock = locks::for_change(txn.get_database_backend());
    let sql = format!("SELECT quota FROM account WHERE id = $1{lock}");
    let row = txn.one(&sql, values![account.0]).await?;
    let row = row.ok_or(Error::not_found(Resource::Account))?;
    Ok(row.try_get("", "quota")?)
}

async fn write_row(txn: &DatabaseTransaction, cells: Cells) -> error::Result<()> {
    let (columns, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
    let sql = Sql::new(&format!("INSERT INTO instance ({}) VALUES ", columns.join(", ")), vec![])
        .list(values);
    let written = txn.execute_raw(sql.on(txn.get_database_backend())).await;
    written.or_taken(Resource::Instance).map(drop)
}

/// How many rows one transaction removes, so that nobody waits for the removal of somebody else's long history.
const REMOVED_AT_ONCE: i64 = 2_000;

/// Removes some of an instance's events and messages when there are too many to go with it; says whether it did.
async fn thin_out(txn: &DatabaseTransaction, id: InstanceId) -> error::Result<bool> {
    let mut removed = false;
    for (table, key) in [("event", "id"), ("message", "instance_id, message_id, chat, sender")] {
        let many = format!("SELECT 1 AS one FROM {table} WHERE instance_id = $1 LIMIT 1 OFFSET $2");
        if txn.one(&many, values![id.0, REMOVED_AT_ONCE]).await?.is_none() {
            continue;
        }
        let lock = locks::for_change(txn.get_database_backend());
        txn.one(&format!("SELECT id FROM instance WHERE id = $1{lock}"), values![id.0]).await?;
        locks::own_rows(txn).await?;
        let some = format!(
            "DELETE FROM {table} WHERE ({key}) IN
                (SELECT {key} FROM {table} WHERE instance_id = $1 LIMIT $2)"
        );
        txn.run(&some, values![id.0, REMOVED_AT_ONCE]).await?;
        removed = true;
    }
    Ok(removed)
}

#[async_trait]
impl InstanceStore for SeaOrmInstanceStore {
    async fn insert(&self, instance: &Instance, webhook: Option<&Webhook>) -> Result<()> {
        let (id, account) = (instance.id, instance.account);
        let cells = instance_row::cells(&self.keyring, instance)?;
        let token = self.keyring.token_hash(instance.token.expose()).to_vec();
        let webhook = webhook.map(|webhook| webhook_row::values(&self.keyring, id, webhook, None));
        let webhook = webhook.transpose()?;
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let quota = quota_of(txn, account).await?;
                write_row(txn, cells).await?;
                let sql = "INSERT INTO token (hash, account_id, instance_id) VALUES ($1, $2, $3)";
                let token = txn.run(sql, values![token, account.0, id.0]).await;
                token.or_taken(Resource::Instance)?;
                if let Some(webhook) = webhook {
                    txn.run(webhook_row::INSERT, webhook).await?;
                }
                if let Some(quota) = quota {
                    let sql = "SELECT COUNT(*) AS owned FROM instance WHERE account_id = $1";
                    let owned = txn.one(sql, values![account.0]).await?;
                    let owned: i64 = owned.ok_or(Error::nonsense("count"))?.try_get("", "owned")?;
                    if owned > quota {
                        return Err(Error::Refused(wharf_domain::Error::QuotaExceeded));
                    }
                }
                Ok(())
            })
        });
        Ok(written.await?)
    }

    async fn find(&self, account: AccountId, name: &InstanceName) -> Result<Option<Instance>> {
        let sql = format!("{SELECT} WHERE account_id = $1 AND name = $2");
        let row = self.db.reader().one(&sql, values![account.0, name.as_str()]).await?;
        Ok(row.map(|row| instance_row::read(&self.keyring, &row)).transpose()?)
    }

    async fn find_by_id(&self, id: InstanceId) -> Result<Option<Instance>> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = self.db.reader().one(&sql, values![id.0]).await?;
        Ok(row.map(|row| instance_row::read(&self.keyring, &row)).transpose()?)
    }

    async fn list(&self, account: AccountId) -> Result<Vec<Instance>> {
        let sql = format!("{SELECT} WHERE account_id = $1 ORDER BY created_at, id");
        let rows = self.db.reader().all(&sql, values![account.0]).await?;
        let instances = rows.iter().map(|row| instance_row::read(&self.keyring, row));
        Ok(instances.collect::<error::Result<_>>()?)
    }

    async fn standings(&self) -> Result<Vec<(InstanceId, Standing)>> {
        let sql = "SELECT id, standing, banned_until FROM instance";
        let rows = self.db.reader().all(sql, vec![]).await?;
        let standings = rows.iter().map(|row| -> error::Result<_> {
            Ok((InstanceId(row.try_get("", "id")?), instance_row::read_standing(row)?))
        });
        Ok(standings.collect::<error::Result<_>>()?)
    }

    async fn update(
        &self,
        id: InstanceId,
        changes: &[InstanceChange],
        now: Timestamp,
    ) -> Result<bool> {
        let mut cells: Cells = vec![("updated_at", micros::from_time(now).into())];
        for change in changes {
            let written = instance_row::changed(&self.keyring, id, change)?;
            // Of two changes of one part the later holds, and no column may be set twice.
            cells.retain(|(column, _)| written.iter().all(|(other, _)| column != other));
            cells.extend(written);
        }
        let (columns, mut values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        values.push(id.0.into());
        let sets = columns.iter().zip(1..).map(|(column, number)| format!("{column} = ${number}"));
        let sets = sets.collect::<Vec<_>>().join(", ");
        let sql = format!("UPDATE instance SET {sets} WHERE id = ${}", values.len());
        let updated = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move { Ok(txn.run(&sql, values).await?.rows_affected() > 0) })
        });
        Ok(updated.await?)
    }

    async fn remove(&self, id: InstanceId) -> Result<bool> {
        loop {
            let thinned = self
                .db
                .write::<_, _, Error>(move |txn| Box::pin(async move { thin_out(txn, id).await }));
            if !thinned.await? {
                break;
            }
        }
        let removed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let lock = locks::for_removal(txn.get_database_backend());
                let take = format!("SELECT id FROM instance WHERE id = $1{lock}");
                if txn.one(&take, values![id.0]).await?.is_none() {
                    return Ok(false);
                }
                locks::own_rows(txn).await?;
                // Everything else of it goes with its row.
                txn.run("DELETE FROM instance WHERE id = $1", values![id.0]).await?;
                Ok(true)
            })
        });
        Ok(removed.await?)
    }
}
