//! What is overwritten is gone once the file was compacted.

use std::path::Path;

use futures::FutureExt as _;
use sea_orm::ConnectionTrait as _;
use wharf_sql::{Config, Database, Error};

async fn run(db: &Database, statement: &str) {
    let statement = statement.to_owned();
    let job = db.write(move |txn| {
        async move { txn.execute_unprepared(&statement).await.map(drop).map_err(Error::Statement) }
            .boxed()
    });
    job.await.unwrap();
}

/// Whether any file of the directory has the text in it.
fn is_somewhere(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn nothing_of_what_was_overwritten_is_left_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wharf.db");
    let db = Database::open(&Config::new(file.to_str().unwrap())).await.unwrap();
    run(&db, "CREATE TABLE t (v TEXT)").await;
    run(&db, "INSERT INTO t VALUES ('an-old-secret-of-a-row')").await;
    run(&db, "UPDATE t SET v = 'something else'").await;
    assert!(is_somewhere(dir.path(), "an-old-secret-of-a-row"), "there is something to remove");
    db.compact().await.unwrap();
    assert!(!is_somewhere(dir.path(), "an-old-secret-of-a-row"));
    assert!(is_somewhere(dir.path(), "something else"));
    run(&db, "INSERT INTO t VALUES ('written after it')").await;
    db.close().await.unwrap();
}
