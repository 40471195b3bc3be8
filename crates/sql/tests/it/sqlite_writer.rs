//! What holds for the group-commit writer.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};
use tokio::sync::Notify;
use wharf_sql::{Database, Error};

use crate::place::{Place, execute, insert, numbers};

/// Lets the writer wait inside a transaction until told to go on.
pub(crate) struct Gate {
    entered: Arc<Notify>,
    open: Arc<Notify>,
    write: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Gate {
    pub(crate) async fn close(db: &Database) -> Self {
        let (entered, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, wait, db) = (entered.clone(), open.clone(), db.clone());
        let write = tokio::spawn(async move {
            db.write(|_| {
                async move {
                    inside.notify_one();
                    wait.notified().await;
                    Ok(())
                }
                .boxed()
            })
            .await
        });
        entered.notified().await;
        Self { entered, open, write }
    }

    pub(crate) async fn open(self) {
        drop(self.entered);
        self.open.notify_one();
        self.write.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn writes_that_wait_share_a_commit() {
    let place = Place::sqlite().await;
    let before = place.db.commits().unwrap();
    let gate = Gate::close(&place.db).await;
    let mut writes: Vec<_> = (0..50)
        .map(|n| Box::pin(place.db.write(move |txn| async move { insert(txn, n).await }.boxed())))
        .collect();
    for write in &mut writes {
        assert!(write.now_or_never().is_none(), "answered before the commit");
    }
    gate.open().await;
    for answer in join_all(writes).await {
        answer.unwrap();
    }
    assert_eq!(place.db.commits().unwrap() - before, 1);
    assert_eq!(place.numbers().await.len(), 50);
}

#[tokio::test]
async fn more_writes_than_a_batch_holds_are_all_answered() {
    let place = Place::sqlite().await;
    let before = place.db.commits().unwrap();
    let gate = Gate::close(&place.db).await;
    let writes: Vec<_> = (0..700)
        .map(|n| {
            let db = place.db.clone();
            tokio::spawn(async move {
                db.write(move |txn| async move { insert(txn, n).await }.boxed()).await
            })
        })
        .collect();
    gate.open().await;
    for answer in join_all(writes).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(place.numbers().await.len(), 700);
    assert!(place.db.commits().unwrap() - before < 100);
}

#[tokio::test]
async fn readers_do_not_wait_for_the_writer_and_see_nothing_early() {
    let place = Place::sqlite().await;
    let gate = Gate::close(&place.db).await;
    let mut write = Box::pin(place.db.write(|txn| async move { insert(txn, 1).await }.boxed()));
    assert!((&mut write).now_or_never().is_none());
    assert_eq!(place.numbers().await, [0; 0]);
    gate.open().await;
    write.await.unwrap();
    assert_eq!(place.numbers().await, [1]);
}

#[tokio::test]
async fn readers_cannot_write() {
    let place = Place::sqlite().await;
    let write = place.db.reader().execute_unprepared("INSERT INTO n VALUES (1)").await;
    assert!(write.is_err());
}

#[tokio::test]
async fn a_transaction_lost_on_the_way_fails_all_that_shared_it() {
    let place = Place::sqlite().await;
    let gate = Gate::close(&place.db).await;
    let jobs: [&'static str; 3] =
        ["INSERT INTO n VALUES (1)", "ROLLBACK", "INSERT INTO n VALUES (2)"];
    let mut writes: Vec<_> = jobs
        .map(|sql| Box::pin(place.db.write(move |txn| execute(txn, sql).boxed())))
        .into_iter()
        .collect();
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    gate.open.notify_one();
    let answers = join_all(writes).await;
    assert!(matches!(answers[0], Err(Error::NotCommitted(_))), "{answers:?}");
    assert!(answers[1].is_err());
    assert!(matches!(gate.write.await.unwrap(), Err(Error::NotCommitted(_))));
    // The third came after the break: in a transaction of its own, on a connection of its own.
    assert!(answers[2].is_ok(), "{answers:?}");
    assert_eq!(place.numbers().await, [2]);
}

/// Whether the job runs in a savepoint, which it can only be asked by taking it away.
async fn is_in_savepoint(txn: &DatabaseTransaction) -> Result<bool, Error> {
    let is_in = txn.execute_unprepared("RELEASE job").await.is_ok();
    if is_in {
        txn.execute_unprepared("SAVEPOINT job").await?;
    }
    Ok(is_in)
}

#[tokio::test]
async fn only_the_first_write_of_a_transaction_goes_without_a_savepoint() {
    let place = Place::sqlite().await;
    let asked = |place: &Place| {
        let db = place.db.clone();
        async move { db.write(|txn| is_in_savepoint(txn).boxed()).await.unwrap() }
    };
    assert!(!asked(&place).await, "a savepoint for a write alone");
    let gate = Gate::close(&place.db).await;
    let mut writes: Vec<_> = (0..3).map(|_| Box::pin(asked(&place))).collect();
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    gate.open().await;
    assert_eq!(join_all(writes).await, [true; 3]);
}

#[tokio::test]
async fn a_first_write_that_fails_takes_nothing_of_those_behind_it_along() {
    let place = Place::sqlite().await;
    let (entered, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, wait, db) = (entered.clone(), open.clone(), place.db.clone());
    let first = tokio::spawn(async move {
        db.write(|txn| {
            async move {
                insert(txn, 1).await?;
                inside.notify_one();
                wait.notified().await;
                insert(txn, 1).await
            }
            .boxed()
        })
        .await
    });
    entered.notified().await;
    let mut writes: Vec<_> = (2..5)
        .map(|n| Box::pin(place.db.write(move |txn| async move { insert(txn, n).await }.boxed())))
        .collect();
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    open.notify_one();
    first.await.unwrap().unwrap_err();
    for answer in join_all(writes).await {
        answer.unwrap();
    }
    assert_eq!(place.numbers().await, [2, 3, 4]);
}

#[tokio::test]
async fn a_transaction_that_the_first_write_lost_is_not_gone_on_with() {
    let place = Place::sqlite().await;
    let (entered, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, wait, db) = (entered.clone(), open.clone(), place.db.clone());
    let first = tokio::spawn(async move {
        db.write(|txn| {
            async move {
                insert(txn, 1).await?;
                inside.notify_one();
                wait.notified().await;
                // As SQLite does by itself when the disk is full; the job does not mind.
                execute(txn, "ROLLBACK").await
            }
            .boxed()
        })
        .await
    });
    entered.notified().await;
    let mut second = Box::pin(place.db.write(|txn| async move { insert(txn, 2).await }.boxed()));
    assert!((&mut second).now_or_never().is_none());
    open.notify_one();
    let answer = first.await.unwrap();
    assert!(matches!(answer, Err(Error::NotCommitted(_))), "{answer:?}");
    second.await.unwrap();
    assert_eq!(place.numbers().await, [2]);
}

#[tokio::test]
async fn another_process_holding_the_lock_is_waited_for() {
    let place = Place::sqlite().await;
    let other = Database::open(&place.config()).await.unwrap();
    let gate = Gate::close(&other).await;
    let db = place.db.clone();
    let waiting =
        tokio::spawn(
            async move { db.write(|txn| async move { insert(txn, 1).await }.boxed()).await },
        );
    gate.open().await;
    waiting.await.unwrap().unwrap();
    assert_eq!(numbers(&other).await, [1]);
}

#[tokio::test]
async fn a_lock_held_too_long_is_an_error_and_the_next_write_succeeds() {
    let place = Place::sqlite().await;
    let mut impatient = place.config();
    impatient.busy_timeout = Duration::from_millis(50);
    let impatient = Database::open(&impatient).await.unwrap();
    let gate = Gate::close(&place.db).await;
    let write = impatient.write(|txn| async move { insert(txn, 1).await }.boxed());
    let refusal = write.await.unwrap_err();
    assert!(matches!(refusal, Error::NotCommitted(_)), "{refusal:?}");
    gate.open().await;
    impatient.write(|txn| async move { insert(txn, 2).await }.boxed()).await.unwrap();
    assert_eq!(place.numbers().await, [2]);
}

#[tokio::test]
async fn closing_finishes_what_was_queued_before() {
    let place = Place::sqlite().await;
    let gate = Gate::close(&place.db).await;
    let mut write = Box::pin(place.db.write(|txn| async move { insert(txn, 1).await }.boxed()));
    assert!((&mut write).now_or_never().is_none());
    let mut closing = Box::pin(place.db.close());
    assert!((&mut closing).now_or_never().is_none());
    gate.open().await;
    write.await.unwrap();
    closing.await.unwrap();
    let reopened = Database::open(&place.config()).await.unwrap();
    assert_eq!(numbers(&reopened).await, [1]);
}

#[tokio::test]
async fn a_sqlite_database_is_durable_and_write_ahead() {
    let place = Place::sqlite().await;
    let read = |pragma: &'static str| {
        place.db.write(move |txn| {
            async move {
                let sql = format!("SELECT CAST({pragma} AS TEXT) AS v FROM pragma_{pragma}");
                let statement = Statement::from_string(txn.get_database_backend(), sql);
                let row = txn.query_one_raw(statement).await?.unwrap();
                Ok::<String, Error>(row.try_get("", "v")?)
            }
            .boxed()
        })
    };
    assert_eq!(read("journal_mode").await.unwrap(), "wal");
    assert_eq!(read("synchronous").await.unwrap(), "2", "FULL");
    assert_eq!(read("foreign_keys").await.unwrap(), "1");
}

#[tokio::test]
async fn a_write_lock_of_a_plain_connection_is_respected() {
    let place = Place::sqlite().await;
    let other = sea_orm::Database::connect(format!("sqlite:{}", place.config().url)).await.unwrap();
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let txn = other.begin_with_options(options).await.unwrap();
    insert(&txn, 1).await.unwrap();
    let db = place.db.clone();
    let waiting =
        tokio::spawn(
            async move { db.write(|txn| async move { insert(txn, 2).await }.boxed()).await },
        );
    txn.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(place.numbers().await, [1, 2]);
}

#[tokio::test]
async fn single_statements_share_a_commit_and_fail_alone() {
    let place = Place::sqlite().await;
    let before = place.db.commits().unwrap();
    let gate = Gate::close(&place.db).await;
    let single = |sql: &str| {
        let (db, statement) = (place.db.clone(), Statement::from_string(place.db.backend(), sql));
        Box::pin(async move { db.execute(statement).await.map(|done| done.rows_affected()) })
    };
    let several = |first: i32, second: i32| {
        let db = place.db.clone();
        Box::pin(async move {
            let job = db.write(move |txn| {
                async move {
                    insert(txn, first).await?;
                    insert(txn, second).await
                }
                .boxed()
            });
            job.await.map(|()| 2)
        })
    };
    let mut writes: Vec<futures::future::BoxFuture<'_, Result<u64, Error>>> = vec![
        single("INSERT INTO n VALUES (1), (2)"),
        several(3, 4),
        // The first row of it is there when the second is refused.
        single("INSERT INTO n VALUES (5), (1)"),
        several(6, 1),
        single("INSERT INTO n VALUES (7)"),
        several(8, 9),
        several(10, 9),
    ];
    for write in &mut writes {
        assert!(write.now_or_never().is_none(), "answered before the commit");
    }
    gate.open().await;
    let answers: Vec<_> = join_all(writes).await.into_iter().map(Result::ok).collect();
    assert_eq!(answers, [Some(2), Some(2), None, None, Some(1), Some(2), None]);
    assert_eq!(place.db.commits().unwrap() - before, 1);
    assert_eq!(place.numbers().await, [1, 2, 3, 4, 7, 8, 9]);
}
