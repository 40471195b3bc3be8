//! What holds for requests that are carried out together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, join3};
use sea_orm::DatabaseTransaction;
use wharf_sql::{Error, Together, Work};

use crate::place::{Place, insert};
use crate::sqlite_writer::{Gate, RepeatableGate};

/// Inserts numbers; refuses negative ones, and panics at 13.
#[derive(Clone, Default)]
struct Numbers {
    steps: Arc<AtomicUsize>,
}

impl Work for Numbers {
    type Request = i32;
    type Answer = i32;
    type Error = Error;

    fn weight(_: &i32) -> usize {
        1
    }

    fn carry_out<'a>(
        &'a self,
        txn: &'a DatabaseTransaction,
        numbers: &'a [i32],
    ) -> BoxFuture<'a, Result<Vec<i32>, Error>> {
        async move {
            self.steps.fetch_add(1, Ordering::SeqCst);
            for number in numbers {
                insert(txn, *number).await?;
                assert_ne!(*number, 13, "as planned");
                if *number < 0 {
                    return Err(Error::Closed);
                }
            }
            Ok(numbers.iter().map(|number| number * 10).collect())
        }
        .boxed()
    }
}

#[tokio::test]
async fn requests_that_wait_are_carried_out_in_few_steps_and_answered_each() {
    let place = Place::sqlite().await;
    let work = Numbers::default();
    let together = Together::new(place.db.clone(), work.clone());
    let before = place.db.commits().unwrap();
    let gate = Gate::close(&place.db).await;
    let mut asked: Vec<_> = (101..=160).map(|number| Box::pin(together.ask(number))).collect();
    for asked in &mut asked {
        assert!(asked.now_or_never().is_none(), "answered before the commit");
    }
    // The first stands in line by then.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    gate.open().await;
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (101..=160).map(|number| number * 10).collect::<Vec<_>>());
    assert_eq!(place.db.commits().unwrap() - before, 1);
    assert_eq!(work.steps.load(Ordering::SeqCst), 1);
    assert_eq!(place.numbers().await.len(), 60);
}

#[tokio::test]
async fn a_step_that_is_taken_back_for_another_write_is_carried_out_again() {
    let place = Place::sqlite().await;
    let work = Numbers::default();
    let together = Together::new(place.db.clone(), work.clone());
    let gate = RepeatableGate::close(&place.db).await;
    let mut asked = Box::pin(join_all((101..=120).map(|number| together.ask(number))));
    assert!((&mut asked).now_or_never().is_none());
    // The first stands in line by then.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let mut failing = place.db.write_repeatable(|txn| insert(txn, 1).boxed()).boxed();
    assert!((&mut failing).now_or_never().is_none());
    let (answers, failed, ()) = join3(asked, failing, gate.open()).await;
    failed.unwrap_err();
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (101..=120).map(|number| number * 10).collect::<Vec<_>>());
    assert_eq!(work.steps.load(Ordering::SeqCst), 2);
    assert_eq!(place.numbers().await.len(), 21);
}

async fn a_request_that_fails_spoils_nothing_for_others(place: Place) {
    let together = Together::new(place.db.clone(), Numbers::default());
    let asked = [1, -2, 3, 2, 4, -1].map(|number| together.ask(number).map(Result::ok));
    assert_eq!(join_all(asked).await, [Some(10), None, Some(30), Some(20), Some(40), None]);
    assert_eq!(place.numbers().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_request_that_fails_spoils_nothing_for_others_on_sqlite() {
    a_request_that_fails_spoils_nothing_for_others(Place::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_request_that_fails_spoils_nothing_for_others_on_postgres() {
    a_request_that_fails_spoils_nothing_for_others(Place::postgres().await).await;
}

#[tokio::test]
async fn a_request_that_panics_stops_nothing() {
    let place = Place::sqlite().await;
    let together = Together::new(place.db.clone(), Numbers::default());
    let asked = [1, 13, 3].map(|number| together.ask(number).map(Result::ok));
    assert_eq!(join_all(asked).await, [Some(10), None, Some(30)]);
    for number in 4..=9 {
        assert_eq!(together.ask(number).await.unwrap(), 10 * number);
    }
    assert_eq!(place.numbers().await, [1, 3, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn what_nobody_can_ask_any_more_holds_the_database_no_longer() {
    let place = Place::sqlite().await;
    let work = Numbers::default();
    let steps = Arc::downgrade(&work.steps);
    let together = Together::new(place.db.clone(), work);
    together.ask(1).await.unwrap();
    drop(together);
    while steps.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}
