use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, QueryResult};
use wharf_domain::{
    Resource, Result,
    account::{Account, AccountId, AccountName},
    cors::Origin,
    instance::InstanceId,
    ports::AccountStore,
    token::{Principal, Token},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Constraints as _, Error},
    locks, micros,
    statement::{Run as _, values},
};

/// Accounts and whom tokens belong to, in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmAccountStore {
    db: Database,
    keyring: Arc<Keyring>,
}

const SELECT: &str = "SELECT id, name, quota, cors, created_at FROM account";

impl SeaOrmAccountStore {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

fn read(row: &QueryResult) -> error::Result<Account> {
    let quota: Option<i64> = row.try_get("", "quota")?;
    let name: String = row.try_get("", "name")?;
    Ok(Account {
        id: AccountId(row.try_get("", "id")?),
        name: AccountName::parse(name)
            .map_err(|source| Error::Nonsense { what: "account name", source: Some(source) })?,
        quota: quota.map(u32::try_from).transpose().map_err(|_| Error::nonsense("quota"))?,
        cors: read_origins(row)?,
        created_at: micros::to_time(row.try_get("", "created_at")?)?,
    })
}

/// Reads the column `cors`: origins have no spaces, so spaces keep them apart.
fn read_origins(row: &QueryResult) -> error::Result<Vec<Origin>> {
    let origins: Option<String> = row.try_get("", "cors")?;
    let origins = origins.unwrap_or_default();
    let origins = origins.split(' ').filter(|origin| !origin.is_empty()).map(Origin::parse);
    let nonsense = |source| Error::Nonsense { what: "origin", source: Some(source) };
    origins.collect::<Result<_>>().map_err(nonsense)
}

fn write_origins(origins: &[Origin]) -> Option<String> {
    let origins: Vec<_> = origins.iter().map(Origin::as_str).collect();
    (!origins.is_empty()).then(|| origins.join(" "))
}

/// Takes the account's row, with its instances', so that nothing joins or leaves them meanwhile; counts them.
async fn take(txn: &DatabaseTransaction, id: AccountId) -> error::Result<Option<u64>> {
    use sea_orm::ConnectionTrait as _;
    let lock = locks::for_removal(txn.get_database_backend());
    let account = format!("SELECT id FROM account WHERE id = $1{lock}");
    if txn.one(&account, values![id.0]).await?.is_none() {
        return Ok(None);
    }
    let instances = format!("SELECT id FROM instance WHERE account_id = $1 ORDER BY id{lock}");
    Ok(Some(txn.all(&instances, values![id.0]).await?.len() as u64))
}

#[async_trait]
impl AccountStore for SeaOrmAccountStore {
    async fn insert(&self, account: &Account, token: &Token) -> Result<()> {
        let insert_account = values![
            account.id.0,
            account.name.as_str(),
            account.quota.map(i64::from),
            write_origins(&account.cors),
            micros::from_time(account.created_at),
        ];
        let insert_token = values![self.keyring.token_hash(token.expose()).to_vec(), account.id.0];
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "INSERT INTO account (id, name, quota, cors, created_at)
                    VALUES ($1, $2, $3, $4, $5)";
                txn.run(sql, insert_account).await.or_taken(Resource::Account)?;
                let sql = "INSERT INTO token (hash, account_id) VALUES ($1, $2)";
                txn.run(sql, insert_token).await.or_taken(Resource::Token)?;
                Ok(())
            })
        });
        Ok(written.await?)
    }

    async fn find(&self, name: &AccountName) -> Result<Option<Account>> {
        let sql = format!("{SELECT} WHERE name = $1");
        let row = self.db.reader().one(&sql, values![name.as_str()]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn find_by_id(&self, id: AccountId) -> Result<Option<Account>> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = self.db.reader().one(&sql, values![id.0]).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn list(&self) -> Result<Vec<Account>> {
        let rows = self.db.reader().all(SELECT, vec![]).await?;
        let mut accounts = rows.iter().map(read).collect::<error::Result<Vec<_>>>()?;
        // Here, since databases sort text each in their own way.
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    async fn rotate_token(&self, id: AccountId, token: &Token) -> Result<bool> {
        let hash = self.keyring.token_hash(token.expose()).to_vec();
        let rotated = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql =
                    "UPDATE token SET hash = $1 WHERE account_id = $2 AND instance_id IS NULL";
                let done = txn.run(sql, values![hash, id.0]).await.or_taken(Resource::Token)?;
                Ok(done.rows_affected() > 0)
            })
        });
        Ok(rotated.await?)
    }

    async fn set_quota(&self, id: AccountId, quota: Option<u32>) -> Result<bool> {
        let changed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE account SET quota = $1 WHERE id = $2";
                let done = txn.run(sql, values![quota.map(i64::from), id.0]).await?;
                Ok(done.rows_affected() > 0)
            })
        });
        Ok(changed.await?)
    }

    async fn set_cors(&self, id: AccountId, origins: &[Origin]) -> Result<bool> {
        let origins = write_origins(origins);
        let changed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE account SET cors = $1 WHERE id = $2";
                Ok(txn.run(sql, values![origins, id.0]).await?.rows_affected() > 0)
            })
        });
        Ok(changed.await?)
    }

    async fn allows_origin(&self, origin: &Origin) -> Result<bool> {
        // Accounts are few, and those with origins fewer.
        let rows =
            self.db.reader().all("SELECT cors FROM account WHERE cors IS NOT NULL", vec![]).await?;
        for row in &rows {
            if read_origins(row)?.contains(origin) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remove(&self, id: AccountId, force: bool) -> Result<bool> {
        let removed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                match take(txn, id).await? {
                    None => return Ok(false),
                    Some(0) => {}
                    Some(instances) if !force => {
                        return Err(Error::Refused(wharf_domain::Error::AccountInUse(instances)));
                    }
                    Some(_) => locks::own_rows(txn).await?,
                }
                let done = txn.run("DELETE FROM account WHERE id = $1", values![id.0]).await?;
                Ok(done.rows_affected() > 0)
            })
        });
        Ok(removed.await?)
    }

    async fn identify(&self, token: &Token) -> Result<Option<Principal>> {
        let hash = self.keyring.token_hash(token.expose()).to_vec();
        let sql = "SELECT account_id, instance_id FROM token WHERE hash = $1";
        let row = self.db.reader().one(sql, values![hash]).await?;
        let principal = row.map(|row| -> error::Result<_> {
            let account = AccountId(row.try_get("", "account_id")?);
            let instance: Option<_> = row.try_get("", "instance_id")?;
            Ok(match instance {
                None => Principal::Account(account),
                Some(id) => Principal::Instance { account, instance: InstanceId(id) },
            })
        });
        Ok(principal.transpose()?)
    }
}
