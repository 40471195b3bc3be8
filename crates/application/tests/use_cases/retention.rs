//! What has been kept long enough goes, and what is still to be delivered never does.

use std::{sync::Arc, time::Duration};

use wharf_application::retention::RetentionPolicy;
use wharf_domain::{
    delivery::Outcome,
    event::{Event, EventBody},
    instance::Instance,
};
use wharf_testkit::build;

use crate::{World, tally::Tally};

const DAY: Duration = Duration::from_hours(24);

async fn keeping(policy: RetentionPolicy) -> (World, Arc<Tally>) {
    let tally = Arc::new(Tally::default());
    let world = World::like(Arc::default(), Arc::default(), |ports, config| {
        ports.meter = tally.clone();
        config.event_retention = policy;
        // Whatever fails goes on failing for longer than anything is kept.
        config.retry.give_up_after = DAY * 1000;
    })
    .await;
    world.services.start().await.unwrap();
    (world, tally)
}

fn text(event: &Event) -> Option<String> {
    match &event.body {
        EventBody::Message(message) => Some(message.content.text().to_owned()),
        _ => None,
    }
}

fn logged(world: &World, instance: &Instance) -> Vec<String> {
    world.store.events(instance.id).iter().filter_map(text).collect()
}

/// One message of each fate: delivered, dead, still on its way.
async fn three_fates(world: &World) -> Instance {
    let (instance, session) = world.connected("sales").await;
    world.sink.answer_by(|dispatch| match text(dispatch.event)?.as_str() {
        "dead" => Some(Outcome::Failed { reason: "no".to_owned() }),
        "waits" => Some(Outcome::Retry { reason: "no".to_owned(), after: None }),
        _ => None,
    });
    for (chat, words) in ["delivered", "dead", "waits"].into_iter().enumerate() {
        let from = build::phone(&format!("551199999000{chat}"));
        session.receive(build::incoming(&from, words)).await.unwrap();
    }
    world.settle().await;
    instance
}

/// Days go by, with housekeeping whenever it is due.
async fn days(world: &World, count: u32) {
    for _ in 0..count {
        world.clock.advance(DAY);
        world.settle().await;
    }
}

#[tokio::test]
async fn delivered_events_go_after_their_time_and_dead_letters_after_theirs() {
    let policy = RetentionPolicy {
        events: Some(DAY * 2),
        dead: Some(DAY * 4),
        ..RetentionPolicy::default()
    };
    let (world, tally) = keeping(policy).await;
    let instance = three_fates(&world).await;
    days(&world, 1).await;
    assert_eq!(logged(&world, &instance), ["delivered", "dead", "waits"]);
    days(&world, 2).await;
    assert_eq!(logged(&world, &instance), ["dead", "waits"]);
    assert_eq!(tally.counts().pruned.1, 0);
    days(&world, 2).await;
    assert_eq!(logged(&world, &instance), ["waits"]);
    assert_eq!(tally.counts().pruned.1, 1);
    days(&world, 10).await;
    assert_eq!((logged(&world, &instance), world.store.undelivered()), (vec!["waits".into()], 1));
}

#[tokio::test]
async fn events_can_be_limited_in_size() {
    let policy = RetentionPolicy { events_bytes: Some(0), ..RetentionPolicy::default() };
    let (world, tally) = keeping(policy).await;
    let instance = three_fates(&world).await;
    days(&world, 1).await;
    assert_eq!(logged(&world, &instance), ["dead", "waits"]);
    assert!(tally.counts().pruned.0 > 0);
}

#[tokio::test]
async fn without_a_limit_everything_is_kept() {
    let (world, tally) = keeping(RetentionPolicy::default()).await;
    let instance = three_fates(&world).await;
    days(&world, 100).await;
    assert_eq!(logged(&world, &instance), ["delivered", "dead", "waits"]);
    assert_eq!(tally.counts().pruned, (0, 0));
}

#[tokio::test]
async fn what_is_recorded_and_what_comes_again_is_counted() {
    let (world, tally) = keeping(RetentionPolicy::default()).await;
    let (_, session) = world.connected("sales").await;
    world.until_told("connected").await;
    let before = tally.counts();
    let message = build::incoming(&build::phone("5511999990002"), "hello");
    session.receive(message.clone()).await.unwrap();
    session.receive(message).await.unwrap();
    let after = tally.counts();
    assert_eq!((after.recorded - before.recorded, after.repeats - before.repeats), (1, 1));
}
