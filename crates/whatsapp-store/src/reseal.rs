//! Moving what is sealed to a new data key.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait as _, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::StoreFactory;
use crate::backend::write;
use crate::error::{Error, Result};
use crate::sealing::{ALL, KeyPart, SealedColumn};
use crate::statement::values;

impl StoreFactory {
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
        let mut names = String::new();
        let mut matching = String::new();
        for (key, n) in key.iter().zip(4..) {
            let name = key.name();
            let _ = write!(names, ", {name}");
            let _ = write!(matching, " AND {name} = ${n}");
        }
        // A sealed value is led by its format and the version of its key (see `wharf_seal`).
        let select = format!(
            "SELECT instance_id, {sealed} AS sealed{names} FROM {table}
             WHERE substr({sealed}, 2, 4) <> $1 LIMIT {limit}"
        );
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
}
