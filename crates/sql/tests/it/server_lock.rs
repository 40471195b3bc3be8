//! What the lock on a PostgreSQL schema promises.

use std::time::Duration;

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, Statement};
use wharf_sql::testing::PostgresSchema;
use wharf_sql::{Config, Database, Error, ServerLock};

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_second_server_is_refused_while_the_first_lives() {
    let schema = PostgresSchema::create().await;
    let held = ServerLock::acquire(&schema.config()).await.unwrap();
    let refusal = ServerLock::acquire(&schema.config()).await.unwrap_err();
    assert!(matches!(refusal, Error::DatabaseInUse), "{refusal:?}");
    assert!(refusal.to_string().contains("in use"), "{refusal}");

    drop(held);
    ServerLock::acquire(&schema.config()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn schemas_are_locked_apart() {
    let (one, other) = (PostgresSchema::create().await, PostgresSchema::create().await);
    let _held = ServerLock::acquire(&one.config()).await.unwrap();
    ServerLock::acquire(&other.config()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_lock_whose_connection_was_ended_is_lost() {
    let schema = PostgresSchema::create().await;
    let mut held = ServerLock::acquire(&schema.config()).await.unwrap();
    let db = Database::open(&schema.config()).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
               AND objid = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";
    let end = Statement::from_string(db.backend(), end);
    assert_eq!(db.reader().query_all_raw(end).await.unwrap().len(), 1);
    tokio::time::timeout(Duration::from_mins(1), held.lost()).await.unwrap();
    ServerLock::acquire(&schema.config()).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_file_needs_no_lock_of_this_kind() {
    let config = Config::new("sqlite::memory:");
    let mut one = ServerLock::acquire(&config).await.unwrap();
    let mut other = ServerLock::acquire(&config).await.unwrap();
    assert!(one.lost().now_or_never().is_none() && other.lost().now_or_never().is_none());
}
