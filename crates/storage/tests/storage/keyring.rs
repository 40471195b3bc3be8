//! The keyring and the master key that wraps it.

use sea_orm::{ConnectionTrait as _, Statement};
use wharf_seal::{Keyring, MasterKey};
use wharf_sql::{Database, testing::PostgresSchema};
use wharf_storage::{KeyringError, Keyrings};
use wharf_testkit::build;

use crate::home::{file_in, master_key, open, open_file, random, stores_on};

#[tokio::test]
async fn another_master_key_is_refused_with_nothing_touched() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let token = build::token();
    stores_on(&db, ()).await.accounts.insert(&build::account("acme"), &token).await.unwrap();
    db.close().await.unwrap();
    let before = std::fs::read(file_in(&directory)).unwrap();

    let db = open_file(&directory).await;
    let other = MasterKey::parse(&"a5".repeat(32)).unwrap();
    let refusal = Keyrings::open_or_create(&db, &other, random()).await.unwrap_err();
    assert!(matches!(refusal, KeyringError::WrongMasterKey), "{refusal:?}");
    db.close().await.unwrap();
    assert!(std::fs::read(file_in(&directory)).unwrap() == before, "the file was written to");

    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    assert!(stores.accounts.identify(&token).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_keyring_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, ()).await;
    stores.accounts.insert(&build::account("acme"), &build::token()).await.unwrap();
    db.write::<_, _, wharf_sql::Error>(|txn| {
        Box::pin(async move {
            txn.execute_unprepared("DELETE FROM keyring").await?;
            Ok(())
        })
    })
    .await
    .unwrap();
    let refusal = Keyrings::open_or_create(&db, &master_key(), random()).await.unwrap_err();
    assert!(matches!(refusal, KeyringError::Lost), "{refusal:?}");
    let count = "SELECT id FROM keyring";
    let left = db.reader().query_all_raw(Statement::from_string(db.backend(), count)).await;
    assert_eq!(left.unwrap().len(), 0);
}

#[tokio::test]
async fn a_keyring_is_replaced_only_in_the_place_of_the_one_that_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    assert_eq!(Keyrings::find(&db).await.unwrap(), None);
    let changed = Keyrings::replace(&db, b"none", b"new").await.unwrap_err();
    assert!(matches!(changed, KeyringError::Changed), "{changed:?}");
    let token_hash =
        Keyrings::open_or_create(&db, &master_key(), random()).await.unwrap().token_hash("t");

    let first = Keyrings::find(&db).await.unwrap().unwrap();
    let other = MasterKey::parse(&"a5".repeat(32)).unwrap();
    let second = Keyring::rewrap(&first, &master_key(), &other, random()).unwrap();
    Keyrings::replace(&db, &first, &second).await.unwrap();
    assert_eq!(Keyrings::find(&db).await.unwrap().as_ref(), Some(&second));
    let late = Keyrings::replace(&db, &first, &first).await.unwrap_err();
    assert!(matches!(late, KeyringError::Changed), "{late:?}");
    assert_eq!(Keyrings::find(&db).await.unwrap().as_ref(), Some(&second));
    let keyring = Keyrings::open_or_create(&db, &other, random()).await.unwrap();
    assert_eq!(keyring.token_hash("t"), token_hash);
}

async fn of_processes_that_begin_at_once_all_have_one_keyring(one: &Database, other: &Database) {
    let key = master_key();
    let (one, other) = tokio::join!(
        Keyrings::open_or_create(one, &key, random()),
        Keyrings::open_or_create(other, &key, random()),
    );
    assert_eq!(one.unwrap().token_hash("t"), other.unwrap().token_hash("t"));
}

#[tokio::test]
async fn of_processes_that_begin_at_once_all_have_one_keyring_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open_file(&directory).await, open_file(&directory).await);
    of_processes_that_begin_at_once_all_have_one_keyring(&one, &other).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn of_processes_that_begin_at_once_all_have_one_keyring_on_postgres() {
    let schema = PostgresSchema::create().await;
    let (one, other) = (open(&schema.config()).await, open(&schema.config()).await);
    of_processes_that_begin_at_once_all_have_one_keyring(&one, &other).await;
}
