//! A database for a test, and the stores on it.

use std::{any::Any, path::PathBuf, sync::Arc};

use tempfile::TempDir;
use wharf_migrations::Migrator;
use wharf_seal::{Keyring, MasterKey, Random, SystemRandom};
use wharf_sql::{Config, Database, testing::PostgresSchema};
use wharf_storage::{
    Keyrings, SeaOrmAccountStore, SeaOrmDeliveryLedger, SeaOrmDeliveryQueue, SeaOrmEventLog,
    SeaOrmInstanceStore, SeaOrmMediaJobs, SeaOrmMessageStore, SeaOrmPageAccess, SeaOrmWebhookStore,
};
use wharf_testkit::Stores;

pub fn random() -> Random {
    Arc::new(SystemRandom::new())
}

pub fn master_key() -> MasterKey {
    MasterKey::parse(&"5a".repeat(32)).unwrap()
}

pub fn file_in(directory: &TempDir) -> PathBuf {
    directory.path().join("wharf.db")
}

pub async fn open_file(directory: &TempDir) -> Database {
    let file = file_in(directory);
    open(&Config::new(file.to_str().unwrap())).await
}

pub async fn open(config: &Config) -> Database {
    let db = Database::open(config).await.unwrap();
    db.migrate::<Migrator>().await.unwrap();
    db
}

pub async fn stores_on(db: &Database, home: impl Any + Send + Sync) -> Stores {
    let keyring = Keyrings::open_or_create(db, &master_key(), random()).await.unwrap();
    stores_with(db, keyring, home)
}

pub fn stores_with(db: &Database, keyring: Arc<Keyring>, home: impl Any + Send + Sync) -> Stores {
    Stores {
        accounts: Arc::new(SeaOrmAccountStore::new(db.clone(), keyring.clone())),
        instances: Arc::new(SeaOrmInstanceStore::new(db.clone(), keyring.clone())),
        webhooks: Arc::new(SeaOrmWebhookStore::new(db.clone(), keyring.clone())),
        messages: Arc::new(SeaOrmMessageStore::new(db.clone(), keyring.clone())),
        events: Arc::new(SeaOrmEventLog::new(db.clone(), keyring.clone())),
        deliveries: Arc::new(SeaOrmDeliveryQueue::new(db.clone(), keyring.clone())),
        ledger: Arc::new(SeaOrmDeliveryLedger::new(db.clone(), keyring.clone())),
        media_jobs: Arc::new(SeaOrmMediaJobs::new(db.clone(), keyring.clone())),
        pages: Arc::new(SeaOrmPageAccess::new(db.clone(), keyring)),
        home: Arc::new(home),
    }
}

pub async fn sqlite() -> Stores {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    stores_on(&db, directory).await
}

pub async fn postgres() -> Stores {
    let schema = PostgresSchema::create().await;
    let db = open(&schema.config()).await;
    stores_on(&db, schema).await
}
