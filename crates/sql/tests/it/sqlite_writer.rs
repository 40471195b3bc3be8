//! What holds for the group-commit writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join, join_all};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};
use tokio::sync::{Notify, watch};
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
async fn only_the_first_of_writes_that_run_once_goes_without_a_savepoint() {
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

/// A repeatable write that counts how often it is run.
#[derive(Clone)]
struct Counted {
    runs: Arc<AtomicUsize>,
    n: i32,
}

impl Counted {
    fn new(n: i32) -> Self {
        Self { runs: Arc::default(), n }
    }

    /// Says whether it was in a savepoint the last time.
    async fn write(self, db: Database) -> Result<bool, Error> {
        let write = db.write_repeatable(move |txn| {
            self.runs.fetch_add(1, Ordering::SeqCst);
            let n = self.n;
            async move {
                let is_in = is_in_savepoint(txn).await?;
                insert(txn, n).await.map(|()| is_in)
            }
            .boxed()
        });
        write.await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

/// Lets the writer wait inside a repeatable write of 1 until told to go on, and not again when that is undone.
pub(crate) struct RepeatableGate {
    open: watch::Sender<bool>,
    write: tokio::task::JoinHandle<Result<(), Error>>,
}

impl RepeatableGate {
    pub(crate) async fn close(db: &Database) -> Self {
        let (entered, (open, opened)) = (Arc::new(Notify::new()), watch::channel(false));
        let (inside, db) = (entered.clone(), db.clone());
        let write = tokio::spawn(async move {
            let write = db.write_repeatable(move |txn| {
                let (inside, mut opened) = (inside.clone(), opened.clone());
                async move {
                    insert(txn, 1).await?;
                    inside.notify_one();
                    // Whoever could open it may be gone.
                    let _ = opened.wait_for(|is_open| *is_open).await;
                    Ok::<_, Error>(())
                }
                .boxed()
            });
            write.await
        });
        entered.notified().await;
        Self { open, write }
    }

    pub(crate) async fn open(self) {
        self.open.send_replace(true);
        self.write.await.unwrap().unwrap();
    }
}

/// The answers of writes that all waited for a repeatable one.
async fn behind_a_repeatable<T>(
    place: &Place,
    mut writes: Vec<BoxFuture<'_, Result<T, Error>>>,
) -> Vec<Result<T, Error>> {
    let gate = RepeatableGate::close(&place.db).await;
    for write in &mut writes {
        assert!(write.now_or_never().is_none(), "answered before the commit");
    }
    join(join_all(writes), gate.open()).await.0
}

#[tokio::test]
async fn repeatable_writes_share_a_transaction_without_savepoints() {
    let place = Place::sqlite().await;
    let before = place.db.commits().unwrap();
    let counted = [2, 3, 4].map(Counted::new);
    let writes = counted.iter().map(|one| one.clone().write(place.db.clone()).boxed()).collect();
    let answers: Vec<_> =
        behind_a_repeatable(&place, writes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [false; 3]);
    assert_eq!(counted.map(|one| one.runs()), [1; 3]);
    assert_eq!(place.db.commits().unwrap() - before, 1);
    assert_eq!(place.numbers().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn repeatable_writes_are_run_again_when_one_of_them_fails() {
    let place = Place::sqlite().await;
    // The third finds the first one's number.
    let counted = [2, 3, 2, 4].map(Counted::new);
    let writes = counted.iter().map(|one| one.clone().write(place.db.clone()).boxed()).collect();
    let answers = behind_a_repeatable(&place, writes).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.is_ok()).collect();
    // The last had not been run yet.
    assert_eq!(answers, [true, true, false, true]);
    assert_eq!(counted.map(|one| one.runs()), [2, 2, 1, 1]);
    assert_eq!(place.numbers().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn what_is_run_again_is_run_before_what_came_later() {
    let place = Place::sqlite().await;
    let set = |n: i32| {
        let (db, sql) = (place.db.clone(), format!("UPDATE n SET n = {n} WHERE n > 10"));
        let repeatable = move |db: Database, sql: String| async move {
            let write = db.write_repeatable(move |txn| {
                let sql = sql.clone();
                async move { execute(txn, &sql).await.map(|()| false) }.boxed()
            });
            write.await
        };
        repeatable(db, sql).boxed()
    };
    place.db.write(|txn| insert(txn, 11).boxed()).await.unwrap();
    let failing = Counted::new(1).write(place.db.clone()).boxed();
    let single = Statement::from_string(place.db.backend(), "UPDATE n SET n = 14 WHERE n = 13");
    let single = place.db.execute(single).map(|done| done.map(|_| false)).boxed();
    let closing = place.db.clone();
    let closing = async move { closing.close().await.map(|()| false) }.boxed();
    let writes = vec![set(12), failing, set(13), single, closing];
    let answers = behind_a_repeatable(&place, writes).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.is_ok()).collect();
    assert_eq!(answers, [true, false, true, true, true]);
    let reopened = Database::open(&place.config()).await.unwrap();
    assert_eq!(numbers(&reopened).await, [1, 14]);
}

#[tokio::test]
async fn a_write_that_runs_once_is_never_undone_for_another() {
    let place = Place::sqlite().await;
    let before = place.db.commits().unwrap();
    let (repeatable, failing) = (Counted::new(2), Counted::new(3));
    let once = |n| {
        let db = place.db.clone();
        async move {
            let write = db.write(move |txn| {
                async move {
                    let is_in = is_in_savepoint(txn).await?;
                    insert(txn, n).await.map(|()| is_in)
                }
                .boxed()
            });
            write.await
        }
    };
    let writes = vec![
        repeatable.clone().write(place.db.clone()).boxed(),
        // It is refused, as what runs once often is, and in a savepoint even though all before it could be run again.
        once(2).boxed(),
        once(3).boxed(),
        failing.clone().write(place.db.clone()).boxed(),
    ];
    let answers: Vec<_> =
        behind_a_repeatable(&place, writes).await.into_iter().map(Result::ok).collect();
    assert_eq!(answers, [Some(false), None, Some(true), None]);
    assert_eq!([repeatable.runs(), failing.runs()], [1, 1]);
    assert_eq!(place.db.commits().unwrap() - before, 1);
    assert_eq!(place.numbers().await, [1, 2, 3]);
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
    let mut writes: Vec<BoxFuture<'_, Result<u64, Error>>> = vec![
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
