//! A database for a test, and backends in it.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait as _, Statement};
use tempfile::TempDir;
use uuid::Uuid;
use wharf_migrations::Migrator;
use wharf_seal::{Keyring, SystemRandom};
use wharf_sql::testing::PostgresSchema;
use wharf_sql::{Config, Database};
use wharf_whatsapp_store::{SqlBackend, StoreFactory};

pub const INSTANCE: Uuid = Uuid::from_u128(1);
pub const OTHER_INSTANCE: Uuid = Uuid::from_u128(2);

pub struct Home {
    pub db: Database,
    pub keyring: Arc<Keyring>,
    /// Every statement that has run.
    pub statements: Arc<Mutex<Vec<String>>>,
    /// Those that failed.
    pub failures: Arc<Mutex<Vec<String>>>,
    config: Config,
    directory: Option<TempDir>,
    // Dropped last, when nothing is connected any more.
    _schema: Option<PostgresSchema>,
}

impl Home {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("wharf.db").to_str().unwrap());
        Self::make(config, Some(directory), None).await
    }

    pub async fn postgres() -> Self {
        let schema = PostgresSchema::create().await;
        Self::make(schema.config(), None, Some(schema)).await
    }

    async fn make(
        mut config: Config,
        directory: Option<TempDir>,
        schema: Option<PostgresSchema>,
    ) -> Self {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let (seen, failed) = (statements.clone(), failures.clone());
        config.observer = Some(Arc::new(move |observed| {
            seen.lock().unwrap().push(observed.sql.to_owned());
            if observed.failed {
                failed.lock().unwrap().push(observed.sql.to_owned());
            }
        }));
        let db = Database::open(&config).await.unwrap();
        db.migrate::<Migrator>().await.unwrap();
        let keyring = Arc::new(Keyring::generate(Arc::new(SystemRandom::new())).unwrap());
        Self { db, keyring, statements, failures, config, directory, _schema: schema }
    }

    pub fn factory(&self) -> StoreFactory {
        StoreFactory::new(self.db.clone(), self.keyring.clone())
    }

    pub async fn open(&self) -> SqlBackend {
        self.factory().open(INSTANCE).await.unwrap()
    }

    /// Closes the database and opens it anew, as after a restart of the process.
    pub async fn reopen(&mut self) {
        self.db.close().await.unwrap();
        self.db = Database::open(&self.config).await.unwrap();
    }

    /// All bytes of the SQLite database, its write-ahead log included.
    pub fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.as_ref().unwrap().path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// Runs SQL behind the backend's back.
    pub async fn tamper(&self, sql: &str) -> u64 {
        use futures::FutureExt as _;
        let statement = Statement::from_string(self.db.backend(), sql);
        self.db
            .write(|txn| {
                async move {
                    let done = txn.execute_raw(statement).await?;
                    Ok::<_, wharf_sql::Error>(done.rows_affected())
                }
                .boxed()
            })
            .await
            .unwrap()
    }

    /// How many rows `table` has.
    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let statement = Statement::from_string(self.db.backend(), sql);
        let row = self.db.reader().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}
