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
async fn a_lock_whose_connection_was_ended_is_taken_again() {
    let schema = PostgresSchema::create().await;
    let mut held = ServerLock::acquire(&schema.config()).await.unwrap();
    let watch = tokio::spawn(async move { held.lost().await });
    let db = Database::open(&schema.config()).await.unwrap();
    assert_eq!(holders(&db, END).await, 1);
    let held_again = async {
        while holders(&db, LOOK).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), held_again).await.unwrap();
    let refusal = ServerLock::acquire(&schema.config()).await.unwrap_err();
    assert!(matches!(refusal, Error::DatabaseInUse), "{refusal:?}");
    assert!(!watch.is_finished());
    watch.abort();
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_lock_that_another_server_had_meanwhile_is_lost() {
    let schema = PostgresSchema::create().await;
    let mut held = ServerLock::acquire(&schema.config()).await.unwrap();
    let db = Database::open(&schema.config()).await.unwrap();
    assert_eq!(holders(&db, END).await, 1);
    // Even one that has gone again: what it wrote, the first one does not know.
    drop(ServerLock::acquire(&schema.config()).await.unwrap());
    tokio::time::timeout(Duration::from_mins(1), held.lost()).await.unwrap();
    db.close().await.unwrap();
}

const LOOK: &str = "pid";
const END: &str = "pg_terminate_backend(pid)";

/// Looks at, or ends, the connections that hold the lock, and says how many there were.
async fn holders(db: &Database, what: &str) -> usize {
    let sql = format!(
        "SELECT {what} FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND objid = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
    );
    let statement = Statement::from_string(db.backend(), sql);
    db.reader().query_all_raw(statement).await.unwrap().len()
}

#[tokio::test]
async fn a_file_needs_no_lock_of_this_kind() {
    let config = Config::new("sqlite::memory:");
    let mut one = ServerLock::acquire(&config).await.unwrap();
    let mut other = ServerLock::acquire(&config).await.unwrap();
    assert!(one.lost().now_or_never().is_none() && other.lost().now_or_never().is_none());
}
