//! A database with one table of numbers, `n`.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Statement};
use tempfile::TempDir;
use wharf_sql::testing::PostgresSchema;
use wharf_sql::{Config, Database, Error};

/// Keeps what the database lives in.
pub enum Home {
    Directory(TempDir),
    Schema(PostgresSchema),
    Memory,
}

pub struct Place {
    pub db: Database,
    pub home: Home,
}

impl Place {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open(&file(&directory)).await.unwrap();
        Self::with_table(db, Home::Directory(directory)).await
    }

    pub async fn memory() -> Self {
        let db = Database::open(&Config::new("sqlite::memory:")).await.unwrap();
        Self::with_table(db, Home::Memory).await
    }

    pub async fn postgres() -> Self {
        let schema = PostgresSchema::create().await;
        let db = Database::open(&schema.config()).await.unwrap();
        Self::with_table(db, Home::Schema(schema)).await
    }

    async fn with_table(db: Database, home: Home) -> Self {
        db.write(|txn| execute(txn, "CREATE TABLE n (n INTEGER PRIMARY KEY)").boxed())
            .await
            .unwrap();
        Self { db, home }
    }

    pub fn config(&self) -> Config {
        match &self.home {
            Home::Directory(directory) => file(directory),
            Home::Schema(schema) => schema.config(),
            Home::Memory => Config::new("sqlite::memory:"),
        }
    }

    /// All numbers in the table, as a reader sees them.
    pub async fn numbers(&self) -> Vec<i32> {
        numbers(&self.db).await
    }
}

pub fn file(directory: &TempDir) -> Config {
    Config::new(directory.path().join("wharf.db").to_str().unwrap())
}

pub async fn numbers(db: &Database) -> Vec<i32> {
    let all = Statement::from_string(db.backend(), "SELECT n FROM n ORDER BY n");
    let rows = db.reader().query_all_raw(all).await.unwrap();
    rows.iter().map(|row| row.try_get("", "n").unwrap()).collect()
}

pub async fn insert(txn: &DatabaseTransaction, n: i32) -> Result<(), Error> {
    execute(txn, &format!("INSERT INTO n VALUES ({n})")).await
}

pub async fn execute(txn: &DatabaseTransaction, sql: &str) -> Result<(), Error> {
    txn.execute_unprepared(sql).await?;
    Ok(())
}
