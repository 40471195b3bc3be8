//! Deliveries: in order within a chat, tried again, given up, never lost.

mod shares;

use std::time::Duration;

use wharf_domain::{delivery::Outcome, event::EventBody, state::ConnectionState};
use wharf_testkit::build;

use crate::{LONG, World};

fn retry() -> Outcome {
    Outcome::Retry { reason: "503".to_owned(), after: None }
}

fn texts(world: &World) -> Vec<String> {
    let delivered = world.sink.delivered();
    let texts = delivered.iter().filter_map(|event| match &event.body {
        EventBody::Message(message) => Some(message.content.text().to_owned()),
        _ => None,
    });
    texts.collect()
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
    world.sink.answer_next(Outcome::Failed { reason: "410".to_owned() });
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
