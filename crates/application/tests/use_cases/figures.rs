//! How things stand, for whoever operates the gateway.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use wharf_domain::{
    Error, Result, Timestamp,
    delivery::{DeliveryRecord, DeliveryState, Depth, Replay},
    instance::InstanceId,
    ports::{DeliveryFilter, DeliveryLedger, Requeued},
    state::ConnectionState,
    webhook::WebhookId,
};

use crate::World;

/// A ledger that counts how often it is asked how much waits, and answers as it is told.
struct AskedLedger {
    asked: AtomicUsize,
    answers: Answers,
}

#[derive(Clone, Copy)]
enum Answers {
    AtOnce,
    WithAFailure,
    Never,
}

const DEPTH: Depth = Depth { state: DeliveryState::Pending, count: 7, oldest: None };

#[async_trait]
impl DeliveryLedger for AskedLedger {
    async fn list(
        &self,
        _: InstanceId,
        _: &DeliveryFilter,
        _: usize,
    ) -> Result<Vec<DeliveryRecord>> {
        unreachable!()
    }

    async fn requeue(
        &self,
        _: InstanceId,
        _: WebhookId,
        _: &Replay,
        _: i64,
        _: usize,
        _: Timestamp,
    ) -> Result<Requeued> {
        unreachable!()
    }

    async fn discard(
        &self,
        _: InstanceId,
        _: WebhookId,
        _: DeliveryState,
        _: usize,
    ) -> Result<u64> {
        unreachable!()
    }

    async fn depths(&self) -> Result<Vec<Depth>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.answers {
            Answers::AtOnce => Ok(vec![DEPTH]),
            Answers::WithAFailure => Err(Error::unavailable("the ledger", "it is a test")),
            Answers::Never => pending().await,
        }
    }
}

async fn world(answers: Answers) -> (World, Arc<AskedLedger>) {
    let ledger = Arc::new(AskedLedger { asked: AtomicUsize::new(0), answers });
    let asked = ledger.clone();
    let world = World::with(Arc::default(), Arc::default(), |ports| ports.ledger = asked).await;
    (world, ledger)
}

#[tokio::test]
async fn the_store_is_asked_once_in_ten_seconds_however_many_want_to_know() {
    let (world, ledger) = world(Answers::AtOnce).await;
    let figures = &world.services.figures;
    let (first, second) = tokio::join!(figures.now(), figures.now());
    assert_eq!(first.depths, Some(vec![DEPTH]));
    assert_eq!(first, second);
    world.clock.advance(Duration::from_secs(9));
    figures.now().await;
    assert_eq!(ledger.asked.load(Ordering::SeqCst), 1);
    world.clock.advance(Duration::from_secs(1));
    figures.now().await;
    assert_eq!(ledger.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn instances_are_counted_by_the_state_that_callers_are_shown() {
    let world = World::started().await;
    world.connected("sales").await;
    world.instance("support").await;
    world.instance("orders").await;
    let mut sessions = world.services.figures.now().await.sessions.unwrap();
    sessions.sort_by_key(|(state, _)| state.as_str());
    let wanted = [(ConnectionState::Connected, 1), (ConnectionState::Disconnected, 2)];
    assert_eq!(sessions, wanted);
}

#[tokio::test]
async fn what_the_store_fails_to_say_is_missing_and_the_rest_is_not() {
    let (world, _) = world(Answers::WithAFailure).await;
    let figures = world.services.figures.now().await;
    assert_eq!((figures.depths, figures.sessions), (None, Some(Vec::new())));
}

#[tokio::test]
async fn a_store_that_does_not_answer_keeps_nobody_waiting() {
    let (world, ledger) = world(Answers::Never).await;
    let services = world.services.clone();
    let asking = tokio::spawn(async move { services.figures.now().await });
    world.clock.advance_to_next_wake().await;
    let figures = asking.await.unwrap();
    assert_eq!(ledger.asked.load(Ordering::SeqCst), 1);
    assert_eq!((figures.depths, figures.sessions), (None, None));
}
