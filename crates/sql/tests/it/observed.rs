//! What the observer of writes is told.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use wharf_sql::testing::PostgresSchema;
use wharf_sql::{Config, Database, Error};

use crate::place::{execute, file};

#[tokio::test]
async fn the_observer_tells_the_databases_failures_from_a_jobs_own_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    the_observer_tells_them_apart(file(&directory)).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn the_observer_tells_the_databases_failures_from_a_jobs_own_on_postgresql() {
    let schema = PostgresSchema::create().await;
    the_observer_tells_them_apart(schema.config()).await;
}

async fn the_observer_tells_them_apart(mut config: Config) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    config.write_observer = Some(Arc::new(move |write| told.lock().unwrap().push(write.failed)));
    let db = Database::open(&config).await.unwrap();
    db.write(|txn| execute(txn, "CREATE TABLE n (n INTEGER PRIMARY KEY)").boxed()).await.unwrap();
    let refused = db.write(|_| async { Err::<(), _>(Error::Closed) }.boxed());
    refused.await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [false, false]);
    db.close().await.unwrap();
    db.write(|_| async { Ok::<_, Error>(()) }.boxed()).await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [false, false, true]);
}
