//! Moving what is sealed to a new data key.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait as _, QueryResult, Value};
use uuid::Uuid;
use wharf_domain::Result;
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    event_log, instance_row, message_row,
    sealing::SealedTable,
    statement::{Run as _, Sql, values},
    webhook_row,
};

/// Every table with sealed columns.
const TABLES: [SealedTable; 4] =
    [instance_row::SEALED, webhook_row::SEALED, event_log::SEALED, message_row::SEALED];

/// Seals anew, with the newest data key, what older ones sealed. Whoever does so has the database to itself, so that
/// nothing is sealed with an older key meanwhile.
///
/// May be stopped and taken up again at any time: what is done is passed over.
#[derive(Debug)]
pub struct Reseal {
    db: Database,
    keyring: Arc<Keyring>,
    position: Mutex<Position>,
}

/// How far a pass over the tables has come, so that no batch reads again what an earlier one did.
#[derive(Clone, Debug, Default)]
struct Position {
    table: usize,
    /// The key of the last row that was looked at.
    after: Option<Vec<Value>>,
    /// Whether this pass has found anything.
    has_found: bool,
}

/// A value in the place of another.
struct Exchange {
    sql: String,
    values: Vec<Value>,
}

impl Reseal {
    /// Works on `db`, whose schema is up to date, towards the newest key of `keyring`.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring, position: Mutex::default() }
    }

    /// Seals the values of up to `limit` rows anew, in one transaction, and says how many values there were: 0 once a
    /// whole pass has found none left.
    pub async fn batch(&self, limit: u32) -> Result<u64> {
        Ok(self.next(limit).await?)
    }

    async fn next(&self, limit: u32) -> error::Result<u64> {
        let mut position = self.position();
        while let Some(table) = TABLES.get(position.table) {
            let rows = self.stale_rows(table, position.after.as_deref(), limit).await?;
            let Some(last) = rows.last() else {
                position.table += 1;
                position.after = None;
                if position.table == TABLES.len() && position.has_found {
                    position = Position::default();
                }
                continue;
            };
            let after = Some(key_of(table, last)?);
            let mut exchanges = Vec::new();
            for row in &rows {
                exchanges.extend(self.exchanges(table, row)?);
            }
            let done = self.write(exchanges).await?;
            position = Position { after, has_found: position.has_found || done > 0, ..position };
            self.set_position(position.clone());
            if done > 0 {
                return Ok(done);
            }
        }
        self.set_position(Position::default());
        Ok(0)
    }

    /// Rows of which anything is sealed with an older key.
    async fn stale_rows(
        &self,
        table: &SealedTable,
        after: Option<&[Value]>,
        limit: u32,
    ) -> error::Result<Vec<QueryResult>> {
        let key = table.key.join(", ");
        let sealed: Vec<_> = table.columns.iter().map(|column| column.name()).collect();
        let mut read = vec![key.as_str()];
        read.extend(table.also);
        read.extend(&sealed);
        // A sealed value is led by its format and the version of its key.
        let stale: Vec<_> =
            sealed.iter().map(|column| format!("substr({column}, 2, 4) <> $1")).collect();
        let newest = self.keyring.newest_version().to_be_bytes().to_vec();
        let (read, stale) = (read.join(", "), stale.join(" OR "));
        let mut sql = Sql::new(
            &format!("SELECT {read} FROM {} WHERE ({stale})", table.name),
            values![newest],
        );
        if let Some(after) = after {
            sql = sql.push(&format!(" AND ({key}) > ")).list(after.iter().cloned());
        }
        let sql = sql.push(&format!(" ORDER BY {key} LIMIT ")).value(i64::from(limit));
        Ok(self.db.reader().query_all_raw(sql.on(self.db.backend())).await?)
    }

    fn exchanges(&self, table: &SealedTable, row: &QueryResult) -> error::Result<Vec<Exchange>> {
        let sealed_for = (table.sealed_for)(row)?;
        let mut exchanges = Vec::new();
        for column in table.columns {
            let name = column.name();
            let Some(old) = row.try_get::<Option<Vec<u8>>>("", name)? else { continue };
            let Some(new) = column.reseal(&self.keyring, &sealed_for, &old)? else { continue };
            let mut values = values![new, old];
            values.extend(key_of(table, row)?);
            let key = table.key.iter().zip(3..).map(|(key, n)| format!(" AND {key} = ${n}"));
            let key: String = key.collect();
            // Only in the place of what was read: it may have been written anew meanwhile.
            let sql = format!("UPDATE {} SET {name} = $1 WHERE {name} = $2{key}", table.name);
            exchanges.push(Exchange { sql, values });
        }
        Ok(exchanges)
    }

    async fn write(&self, exchanges: Vec<Exchange>) -> error::Result<u64> {
        self.db
            .write::<_, _, Error>(move |txn| {
                Box::pin(async move {
                    let mut done = 0;
                    for Exchange { sql, values } in exchanges {
                        done += txn.run(&sql, values).await?.rows_affected();
                    }
                    Ok(done)
                })
            })
            .await
    }

    fn position(&self) -> Position {
        self.position.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_position(&self, position: Position) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }
}

/// The values of a row's key: an id, then texts.
fn key_of(table: &SealedTable, row: &QueryResult) -> error::Result<Vec<Value>> {
    let mut key = Vec::with_capacity(table.key.len());
    for (index, column) in table.key.iter().enumerate() {
        key.push(match index {
            0 => row.try_get::<Uuid>("", column)?.into(),
            _ => row.try_get::<String>("", column)?.into(),
        });
    }
    Ok(key)
}
