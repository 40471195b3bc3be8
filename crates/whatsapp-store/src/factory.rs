use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, QueryResult, Statement, Value};
use uuid::Uuid;
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::SqlBackend;
use crate::backend::write;
use crate::error::{Error, Result};
use crate::sealing::{ALL, KeyPart, SealedColumn};
use crate::statement::values;

const TABLES: [&str; 18] = [
    "wa_device",
    "wa_identity",
    "wa_session",
    "wa_prekey",
    "wa_signed_prekey",
    "wa_sender_key",
    "wa_sync_key",
    "wa_sync_version",
    "wa_mutation_mac",
    "wa_sender_key_device",
    "wa_lid_mapping",
    "wa_base_key",
    "wa_device_list",
    "wa_group_metadata",
    "wa_tc_token",
    "wa_sent_message",
    "wa_pending_inbound",
    "wa_msg_secret",
];

/// Opens the stores of instances, all in one database; clones share it.
#[derive(Clone)]
pub struct StoreFactory {
    db: Database,
    keyring: Arc<Keyring>,
}

impl StoreFactory {
    /// Over a database with the schema in place.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }

    /// The store of `instance`, once everything an earlier one has begun to write is settled.
    pub async fn open(&self, instance: Uuid) -> Result<SqlBackend, Error> {
        // Stands in line behind it.
        self.db.write(|_| async { Ok::<_, Error>(()) }.boxed()).await?;
        Ok(SqlBackend::new(self.db.clone(), self.keyring.clone(), instance))
    }

    /// Whether anything like a device is stored for `instance`, paired or not.
    pub async fn has_device(&self, instance: Uuid) -> Result<bool, Error> {
        Ok(self.device_row(instance).await?.is_some())
    }

    /// The JID, device number included, under which `instance` is paired, or `None` when it is not.
    pub async fn registered_jid(&self, instance: Uuid) -> Result<Option<String>, Error> {
        let Some(row) = self.device_row(instance).await? else { return Ok(None) };
        Ok(row.try_get("", "jid")?)
    }

    /// Removes all that is stored for `instance`: all of it or, on failure, none.
    ///
    /// No backend of the instance may be in use.
    pub async fn wipe(&self, instance: Uuid) -> Result<(), Error> {
        let backend = self.db.backend();
        let statements = TABLES.map(|table| {
            let sql = format!("DELETE FROM {table} WHERE instance_id = $1");
            Statement::from_sql_and_values(backend, sql, values![instance])
        });
        write(&self.db, statements.into()).await.map(drop)
    }

    /// Seals anew, with the newest data key, up to `limit` values that an older one sealed, and says
    /// how many: 0 when none is left. May be stopped and taken up again at any time.
    pub async fn reseal(&self, limit: u32) -> Result<u64, Error> {
        let mut done = 0;
        for column in ALL {
            let left = u64::from(limit).saturating_sub(done);
            if left == 0 {
                break;
            }
            done += self.reseal_column(column, left).await?;
        }
        Ok(done)
    }

    async fn reseal_column(&self, column: &'static SealedColumn, limit: u64) -> Result<u64> {
        let SealedColumn { table, column: sealed, key } = column;
        let names: String = key.iter().map(|key| format!(", {}", key.name())).collect();
        // A sealed value is led by its format and the version of its key (see `wharf_seal`).
        let select = format!(
            "SELECT instance_id, {sealed} AS sealed{names} FROM {table}
             WHERE substr({sealed}, 2, 4) <> $1 LIMIT {limit}"
        );
        let matching: String =
            key.iter().zip(4..).map(|(key, n)| format!(" AND {} = ${n}", key.name())).collect();
        let update = format!(
            "UPDATE {table} SET {sealed} = $1 WHERE instance_id = $2 AND {sealed} = $3{matching}"
        );
        let backend = self.db.backend();
        let newest = self.keyring.newest_version().to_be_bytes().to_vec();
        let select = Statement::from_sql_and_values(backend, select, values![newest]);
        let rows = self.db.reader().query_all_raw(select).await?;
        let mut statements = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(values) = self.reseal_row(column, row)? {
                statements.push(Statement::from_sql_and_values(backend, &update, values));
            }
        }
        write(&self.db, statements).await
    }

    /// The values of the statement that puts the newly sealed value in the place of the old.
    fn reseal_row(&self, column: &SealedColumn, row: &QueryResult) -> Result<Option<Vec<Value>>> {
        let instance: Uuid = row.try_get("", "instance_id")?;
        let old: Vec<u8> = row.try_get("", "sealed")?;
        let key = column.key.iter().map(|key| key.read(row)).collect::<Result<Vec<_>>>()?;
        let parts: Vec<KeyPart<'_>> = key.iter().filter_map(KeyPart::of).collect();
        let Some(new) = column.reseal(&self.keyring, instance, &parts, &old)? else {
            return Ok(None);
        };
        let mut values = values![new, instance, old];
        values.extend(key);
        Ok(Some(values))
    }

    async fn device_row(&self, instance: Uuid) -> Result<Option<QueryResult>> {
        let statement = Statement::from_sql_and_values(
            self.db.backend(),
            "SELECT jid FROM wa_device WHERE instance_id = $1",
            values![instance],
        );
        Ok(self.db.reader().query_one_raw(statement).await?)
    }
}

impl fmt::Debug for StoreFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFactory(..)")
    }
}
