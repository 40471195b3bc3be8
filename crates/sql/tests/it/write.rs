//! What holds for a write on every database.

use futures::FutureExt as _;
use futures::future::join_all;
use wharf_sql::Error;

use crate::place::{Place, insert};

macro_rules! on_every_database {
    ($($claim:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $claim() { super::$claim(super::Place::sqlite().await).await; })+
        }
        mod memory {
            $(#[tokio::test] async fn $claim() { super::$claim(super::Place::memory().await).await; })+
        }
        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL"]
            async fn $claim() { super::$claim(super::Place::postgres().await).await; })+
        }
    };
}

on_every_database!(
    an_answered_write_is_seen_by_readers,
    a_failed_write_leaves_nothing,
    a_refused_statement_fails_only_its_own_write,
    a_panicking_write_leaves_nothing_and_others_go_on,
    concurrent_writes_all_arrive,
    an_abandoned_write_is_whole_or_absent,
    a_closed_database_answers_so,
);

async fn an_answered_write_is_seen_by_readers(place: Place) {
    let answer = place
        .db
        .write(|txn| async move { insert(txn, 1).await.map(|()| "inserted") }.boxed())
        .await
        .unwrap();
    assert_eq!(answer, "inserted");
    assert_eq!(place.numbers().await, [1]);
}

#[derive(Debug)]
enum Refusal {
    OnPurpose,
    Database,
}

impl From<Error> for Refusal {
    fn from(_: Error) -> Self {
        Self::Database
    }
}

async fn a_failed_write_leaves_nothing(place: Place) {
    let refusal = place
        .db
        .write(|txn| {
            async move {
                insert(txn, 1).await?;
                insert(txn, 2).await?;
                Err::<(), _>(Refusal::OnPurpose)
            }
            .boxed()
        })
        .await
        .unwrap_err();
    assert!(matches!(refusal, Refusal::OnPurpose), "{refusal:?}");
    assert_eq!(place.numbers().await, [0; 0]);
}

async fn a_refused_statement_fails_only_its_own_write(place: Place) {
    let writes = [7, 8, 7, 9]
        .map(|n| place.db.write(move |txn| async move { insert(txn, n).await }.boxed()));
    let failures: Vec<Error> = join_all(writes).await.into_iter().filter_map(Result::err).collect();
    assert_eq!(failures.len(), 1);
    let refused = failures[0].database().and_then(sea_orm::DbErr::sql_err);
    assert!(matches!(refused, Some(sea_orm::SqlErr::UniqueConstraintViolation(_))), "{failures:?}");
    assert_eq!(place.numbers().await, [7, 8, 9]);
}

async fn a_panicking_write_leaves_nothing_and_others_go_on(place: Place) {
    let db = place.db.clone();
    let panicked = tokio::spawn(async move {
        db.write(|txn| {
            async move {
                insert(txn, 1).await?;
                assert!(txn.is_nowhere(), "on purpose");
                Ok::<_, Error>(())
            }
            .boxed()
        })
        .await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    place.db.write(|txn| async move { insert(txn, 2).await }.boxed()).await.unwrap();
    assert_eq!(place.numbers().await, [2]);
}

trait Nowhere {
    fn is_nowhere(&self) -> bool {
        false
    }
}

impl Nowhere for sea_orm::DatabaseTransaction {}

async fn concurrent_writes_all_arrive(place: Place) {
    let writes =
        (0..300).map(|n| place.db.write(move |txn| async move { insert(txn, n).await }.boxed()));
    for answer in join_all(writes).await {
        answer.unwrap();
    }
    assert_eq!(place.numbers().await, (0..300).collect::<Vec<_>>());
}

async fn an_abandoned_write_is_whole_or_absent(place: Place) {
    for start in (0..200).step_by(10) {
        let write = place.db.write(move |txn| {
            async move {
                for n in start..start + 10 {
                    insert(txn, n).await?;
                }
                Ok::<_, Error>(())
            }
            .boxed()
        });
        // Dropped after a different number of steps each time.
        let mut write = std::pin::pin!(write);
        for _ in 0..start / 10 {
            if (&mut write).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // Comes after all of them, so they are settled when it is answered.
    place.db.write(|txn| async move { insert(txn, 1000).await }.boxed()).await.unwrap();
    let numbers = place.numbers().await;
    for start in (0..200).step_by(10) {
        let there = numbers.iter().filter(|n| (start..start + 10).contains(*n)).count();
        assert!(there == 0 || there == 10, "{there} rows of the write at {start}");
    }
}

async fn a_closed_database_answers_so(place: Place) {
    place.db.write(|txn| async move { insert(txn, 1).await }.boxed()).await.unwrap();
    place.db.close().await.unwrap();
    let write = place.db.write(|txn| async move { insert(txn, 2).await }.boxed());
    assert!(write.await.is_err());
}
