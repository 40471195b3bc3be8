//! Deliveries: in order within a chat, tried again, given up, never lost.

mod backlog;
mod giving_up;
mod holding;
mod ledger;
mod receivers;
mod shares;
mod stopping;

use std::{sync::Arc, time::Duration};

use wharf_application::ApplicationConfig;
use wharf_domain::{
    delivery::{DeliveryRecord, DeliveryState, Outcome},
    event::{Event, EventBody},
    instance::Instance,
    state::ConnectionState,
};
use wharf_testkit::{InMemorySession, build};

use crate::{LONG, World, tally::Tally};

fn retry() -> Outcome {
    Outcome::Retry { reason: "503".to_owned(), after: None }
}

fn refused() -> Outcome {
    Outcome::Refused { reason: "400".to_owned() }
}

fn text_of(event: &Event) -> Option<&str> {
    match &event.body {
        EventBody::Message(message) => Some(message.content.text()),
        _ => None,
    }
}

fn texts(world: &World) -> Vec<String> {
    let delivered = world.sink.delivered();
    delivered.iter().filter_map(text_of).map(str::to_owned).collect()
}

/// A started gateway with an instance that is connected and has told so, and what was measured.
struct Scene {
    world: World,
    tally: Arc<Tally>,
    instance: Instance,
    session: InMemorySession,
}

impl Scene {
    async fn new() -> Self {
        Self::like(|_| {}).await
    }

    async fn like(configure: impl FnOnce(&mut ApplicationConfig)) -> Self {
        let tally = Arc::new(Tally::default());
        let world = World::like(Arc::default(), Arc::default(), |ports, config| {
            ports.meter = tally.clone();
            configure(config);
        })
        .await;
        world.services.start().await.unwrap();
        let (instance, session) = world.connected("sales").await;
        world.until_told("connected").await;
        world.settle().await;
        Self { world, tally, instance, session }
    }

    /// Somebody of that number writes.
    async fn say(&self, from: u32, text: &str) {
        let from = build::phone(&format!("55119999{from:05}"));
        self.session.receive(build::incoming(&from, text)).await.unwrap();
    }

    /// How often the sink was tried with messages of that text.
    fn tries(&self, text: &str) -> usize {
        let attempts = self.world.sink.attempts();
        attempts.iter().filter(|one| text_of(&one.event) == Some(text)).count()
    }

    async fn until_tried(&self, text: &str, count: usize) {
        let what = format!("{count} attempts at `{text}`");
        self.world.eventually(&what, |_| self.tries(text) >= count).await;
        // What follows from it is written, too.
        self.world.settle().await;
    }

    async fn list(&self, state: DeliveryState) -> Vec<DeliveryRecord> {
        let deliveries = &self.world.services.deliveries;
        let page = deliveries.list(self.instance.id, Some(state), None, None, 1000);
        page.await.unwrap().deliveries
    }

    /// From now on the sink answers messages for which there is something so, and takes the others.
    fn answer(&self, rule: impl Fn(&str) -> Option<Outcome> + Send + 'static) {
        self.world.sink.answer_by(move |dispatch| text_of(dispatch.event).and_then(&rule));
    }
}

async fn until_texts(world: &World, count: usize) -> Vec<String> {
    for _ in 0..10_000 {
        if texts(world).len() >= count {
            return texts(world);
        }
        tokio::task::yield_now().await;
    }
    panic!("only {:?}", texts(world));
}

/// From now on the sink answers messages of that text so.
fn fail_text(world: &World, wanted: &'static str) {
    world.sink.answer_by(move |dispatch| match &dispatch.event.body {
        EventBody::Message(message) if message.content.text() == wanted => Some(retry()),
        _ => None,
    });
}

#[tokio::test]
async fn a_failing_event_holds_back_its_own_chat_and_no_other() {
    let world = World::started().await;
    let (_, session) = world.connected("sales").await;
    let (bia, caio) = (build::phone("5511999990002"), build::phone("5511999990003"));
    fail_text(&world, "bia 1");
    for message in [
        build::incoming(&bia, "bia 1"),
        build::incoming(&bia, "bia 2"),
        build::incoming(&caio, "caio 1"),
        build::incoming(&caio, "caio 2"),
    ] {
        session.receive(message).await.unwrap();
    }
    assert_eq!(until_texts(&world, 2).await, ["caio 1", "caio 2"]);
    world.sink.answer_by(|_| None);
    world.clock.advance(LONG);
    assert_eq!(until_texts(&world, 4).await, ["caio 1", "caio 2", "bia 1", "bia 2"]);
}

#[tokio::test]
async fn pauses_grow_and_the_receiver_may_ask_for_longer_ones() {
    let world = World::started().await;
    let (_, session) = world.connected("sales").await;
    world.until_told("connected").await;
    let before = world.sink.attempts().len();
    let after = Some(Duration::from_mins(10));
    world.sink.answer_next(Outcome::Retry { reason: "429".to_owned(), after });
    session.receive(build::incoming(&build::phone("5511999990002"), "hello")).await.unwrap();
    world.sink.until_attempts(before + 1).await;
    world.clock.advance(Duration::from_mins(9));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(texts(&world).is_empty());
    world.clock.advance(Duration::from_mins(2));
    until_texts(&world, 1).await;
}

#[tokio::test]
async fn what_cannot_work_is_given_up_and_its_chat_goes_on() {
    let world = World::started().await;
    let (_, session) = world.connected("sales").await;
    world.until_told("connected").await;
    world.sink.answer_next(Outcome::Failed { reason: "refused address".to_owned() });
    let bia = build::phone("5511999990002");
    session.receive(build::incoming(&bia, "lost cause")).await.unwrap();
    session.receive(build::incoming(&bia, "hello")).await.unwrap();
    assert_eq!(until_texts(&world, 1).await, ["hello"]);
}

#[tokio::test]
async fn what_a_stop_left_is_delivered_after_the_start_under_the_same_id() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    fail_text(&world, "hello");
    session.receive(build::incoming(&build::phone("5511999990002"), "hello")).await.unwrap();
    let tried = loop {
        let attempts = world.sink.attempts();
        if let Some(tried) = attempts.into_iter().find(|one| one.outcome == retry()) {
            break tried;
        }
        tokio::task::yield_now().await;
    };
    world.services.stop().await;
    let after = World::on(world.store.clone(), world.whatsapp.clone()).await;
    after.clock.advance(LONG);
    after.services.start().await.unwrap();
    assert_eq!(until_texts(&after, 1).await, ["hello"]);
    let delivered = after.sink.delivered();
    assert!(delivered.iter().any(|event| event.id == tried.event.id));
    after.until(&instance, ConnectionState::Connected).await;
}

#[tokio::test]
async fn a_disabled_webhook_gets_nothing_more() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.until_told("connected").await;
    fail_text(&world, "hello");
    let before = world.sink.attempts().len();
    session.receive(build::incoming(&build::phone("5511999990002"), "hello")).await.unwrap();
    world.sink.until_attempts(before + 1).await;
    let label = wharf_domain::webhook::WebhookLabel::default();
    world.services.webhooks.set(instance.id, label, None, false).await.unwrap();
    session.receive(build::incoming(&build::phone("5511999990003"), "later")).await.unwrap();
    world.clock.advance(LONG);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.sink.attempts().len(), before + 1);
}
