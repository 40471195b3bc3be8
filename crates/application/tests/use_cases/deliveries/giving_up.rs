//! When something is tried again, and when it is given up.

use std::time::Duration;

use wharf_application::deliverer::RetryPolicy;
use wharf_domain::delivery::{DeliveryState, Outcome};

use super::{Scene, refused, retry, texts, until_texts};
use crate::LONG;

#[tokio::test]
async fn a_poisonous_event_is_a_dead_letter_after_five_attempts_and_its_chat_goes_on() {
    let scene = Scene::new().await;
    scene.answer(|text| (text == "poison").then(refused));
    scene.say(2, "poison").await;
    scene.say(2, "hello").await;
    for attempts in 1..=5 {
        assert!(texts(&scene.world).is_empty());
        scene.until_tried("poison", attempts).await;
        if attempts < 5 {
            scene.world.clock.advance(LONG);
        }
    }
    assert_eq!(until_texts(&scene.world, 1).await, ["hello"]);
    let [dead] = &scene.list(DeliveryState::Dead).await[..] else { panic!("not one dead letter") };
    assert_eq!((dead.attempts, dead.last_status), (5, Some(400)));
    assert_eq!(dead.last_error.as_deref(), Some("400"));
    assert_eq!(scene.tally.counts().dead_letters, 1);
}

#[tokio::test]
async fn what_fails_is_given_up_after_a_day_of_waiting() {
    let scene = Scene::new().await;
    scene.answer(|text| (text == "hello").then(retry));
    scene.say(2, "hello").await;
    scene.say(2, "later").await;
    let mut attempts = 0;
    while scene.world.store.dead_letters().is_empty() {
        attempts += 1;
        scene.until_tried("hello", attempts).await;
        scene.world.clock.advance(LONG);
    }
    // No pause is longer than an hour, and none shorter than half of what it could be.
    assert!((25..=60).contains(&attempts), "{attempts}");
    assert_eq!(until_texts(&scene.world, 1).await, ["later"]);
}

#[tokio::test]
async fn attempts_can_be_limited() {
    let attempts = Some(3);
    let policy = RetryPolicy { attempts, ..RetryPolicy::default() };
    let scene = Scene::like(|config| config.retry = policy).await;
    scene.answer(|text| (text == "hello").then(retry));
    scene.say(2, "hello").await;
    for attempts in 1..=3 {
        assert!(scene.world.store.dead_letters().is_empty());
        scene.until_tried("hello", attempts).await;
        scene.world.clock.advance(LONG);
    }
    scene.world.settle().await;
    assert_eq!((scene.world.store.dead_letters().len(), scene.tries("hello")), (1, 3));
}

#[tokio::test]
async fn pauses_begin_with_seconds() {
    let scene = Scene::new().await;
    scene.answer(|text| (text == "hello").then(retry));
    scene.say(2, "hello").await;
    for (attempts, most) in [(1, 5_000), (2, 10_000), (3, 20_000)] {
        scene.until_tried("hello", attempts).await;
        // Of each pause between half and all is waited.
        scene.world.clock.advance(Duration::from_millis(most / 2 - 1));
        scene.world.settle().await;
        assert_eq!(scene.tries("hello"), attempts, "it comes too early");
        scene.world.clock.advance(Duration::from_millis(most / 2 + 1));
        scene.until_tried("hello", attempts + 1).await;
    }
}

/// Nothing gets through for long: longer, and more often, than a delivery that fails by itself is tried.
#[tokio::test]
async fn while_a_sink_is_away_nothing_is_given_up_and_no_time_counts() {
    let (give_up_after, attempts) = (Duration::from_mins(1), Some(4));
    let policy = RetryPolicy { give_up_after, attempts, ..RetryPolicy::default() };
    let scene = Scene::like(|config| config.retry = policy).await;
    scene.answer(|_| Some(retry()));
    for chat in 0..12 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    assert_eq!((scene.tally.counts().away, scene.tally.counts().left_alone), (1, 1));
    for probes in 1..=50 {
        scene.world.clock.advance(LONG);
        scene.until_tried("hello", 8 + probes).await;
        assert_eq!(scene.tries("hello"), 8 + probes, "one probe at a time");
    }
    assert!(scene.world.store.dead_letters().is_empty());
    assert_eq!(scene.tally.counts().away, 1);
    scene.answer(|_| None);
    scene.world.clock.advance(LONG);
    until_texts(&scene.world, 12).await;
    scene.world.settle().await;
    assert_eq!((scene.tally.counts().away, scene.tally.counts().left_alone), (0, 1));
}

/// A receiver that refuses whatever it is sent is broken; that does not kill everything that waits.
#[tokio::test]
async fn refusals_of_everything_open_the_breaker_and_kill_nothing() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(refused()));
    for chat in 0..12 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    for probes in 1..=20 {
        scene.world.clock.advance(LONG);
        scene.until_tried("hello", 8 + probes).await;
    }
    assert!(scene.world.store.dead_letters().is_empty());
    scene.answer(|_| None);
    scene.world.clock.advance(LONG);
    until_texts(&scene.world, 12).await;
}

#[tokio::test]
async fn a_sink_that_is_away_is_tried_again_no_earlier_than_it_asked_for() {
    let scene = Scene::new().await;
    let after = Some(Duration::from_mins(30));
    scene.answer(move |_| Some(Outcome::Retry { reason: "503".to_owned(), after }));
    for chat in 0..8 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    scene.world.clock.advance(Duration::from_mins(29));
    scene.world.settle().await;
    assert_eq!(scene.tries("hello"), 8);
    scene.world.clock.advance(Duration::from_mins(1));
    scene.until_tried("hello", 9).await;
}

#[tokio::test]
async fn every_attempt_is_measured() {
    let scene = Scene::new().await;
    let before = scene.tally.counts().tried.len();
    scene.world.sink.answer_next(retry());
    scene.say(2, "hello").await;
    scene.until_tried("hello", 1).await;
    scene.world.clock.advance(LONG);
    until_texts(&scene.world, 1).await;
    scene.world.settle().await;
    assert_eq!(scene.tally.counts().tried[before..], [retry(), Outcome::Delivered]);
}
