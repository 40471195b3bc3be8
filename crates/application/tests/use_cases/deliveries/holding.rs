//! What waits for a webhook that is disabled, or that is changed meanwhile.

use wharf_domain::{
    delivery::{DeliveryState, Outcome},
    webhook::{WebhookLabel, WebhookTarget},
};
use wharf_testkit::build;

use super::{
    Scene, retry,
    shares::{Crowd, Manner, come_to_rest},
    texts, until_texts,
};
use crate::LONG;

fn gone() -> Outcome {
    Outcome::Gone { reason: "the receiver answered with status 410".to_owned() }
}

fn elsewhere() -> WebhookTarget {
    build::target("https://elsewhere.test/hook")
}

impl Scene {
    async fn set(&self, target: Option<WebhookTarget>) {
        let webhooks = &self.world.services.webhooks;
        let label = WebhookLabel::default();
        webhooks.set(self.instance.id, label, target, false).await.unwrap();
    }
}

#[tokio::test]
async fn a_receiver_that_wants_nothing_more_disables_its_webhook_and_what_waits_is_held() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(gone()));
    // Both are recorded before the first is tried.
    tokio::join!(scene.say(2, "one"), scene.say(2, "two"));
    scene.until_tried("one", 1).await;
    let label = WebhookLabel::default();
    let webhook = scene.world.services.webhooks.find(scene.instance.id, &label).await.unwrap();
    assert_eq!(webhook.target, None);
    assert!(webhook.stopped.unwrap().reason.contains("410"));
    let held = scene.list(DeliveryState::Held).await;
    let mut told: Vec<_> = held.iter().map(|row| (row.attempts, row.last_status)).collect();
    told.sort_unstable();
    assert_eq!(told, [(0, None), (1, Some(410))]);
    scene.world.clock.advance(LONG);
    scene.world.settle().await;
    assert_eq!((scene.tries("one"), scene.tries("two")), (1, 0));
    assert!(scene.world.store.dead_letters().is_empty());

    scene.answer(|_| None);
    scene.set(Some(elsewhere())).await;
    assert_eq!(until_texts(&scene.world, 2).await, ["one", "two"]);
    let attempts = scene.world.sink.attempts();
    assert!(attempts.iter().rev().take(2).all(|attempt| attempt.target.url == elsewhere().url));
    assert_eq!(scene.list(DeliveryState::Held).await, []);
}

#[tokio::test]
async fn a_webhook_that_got_another_url_meanwhile_is_not_disabled() {
    let crowd = Crowd::with(Manner::Mute).await;
    crowd.record(&crowd.odd, 0..1).await;
    crowd.start().await;
    crowd.receivers.until_tried(1).await;
    let (label, webhooks) = (WebhookLabel::default(), &crowd.world.services.webhooks);
    webhooks.set(crowd.odd.id, label.clone(), Some(elsewhere()), false).await.unwrap();
    crowd.world.sink.answer_next(gone());
    crowd.behave(Manner::Prompt);
    come_to_rest().await;
    assert!(webhooks.find(crowd.odd.id, &label).await.unwrap().target.is_some());
    crowd.world.clock.advance(LONG);
    crowd.until_delivered_to(&crowd.odd, 1).await;
}

#[tokio::test]
async fn what_waited_when_a_webhook_was_disabled_goes_out_once_it_is_enabled_again() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(retry()));
    scene.say(2, "hello").await;
    scene.until_tried("hello", 1).await;
    scene.set(None).await;
    scene.answer(|_| None);
    scene.world.clock.advance(LONG);
    scene.world.settle().await;
    assert!(texts(&scene.world).is_empty());
    assert_eq!(scene.list(DeliveryState::Held).await.len(), 1);
    scene.set(Some(elsewhere())).await;
    assert_eq!(until_texts(&scene.world, 1).await, ["hello"]);
}

#[tokio::test]
async fn a_changed_webhook_applies_to_what_is_queued_already() {
    let crowd = Crowd::with(Manner::Mute).await;
    // Three of one chat: taken on at once, tried one after the other.
    for _ in 0..3 {
        crowd.record(&crowd.odd, 0..1).await;
    }
    crowd.start().await;
    crowd.receivers.until_tried(1).await;
    let webhooks = &crowd.world.services.webhooks;
    let label = WebhookLabel::default();
    webhooks.set(crowd.odd.id, label, Some(elsewhere()), false).await.unwrap();
    crowd.behave(Manner::Prompt);
    crowd.until_delivered_to(&crowd.odd, 3).await;
    let attempts = crowd.world.sink.attempts();
    let hosts: Vec<_> = attempts.iter().map(|one| one.target.url.as_url().host_str()).collect();
    assert_eq!(hosts, [Some("odd.test"), Some("elsewhere.test"), Some("elsewhere.test")]);
}

#[tokio::test]
async fn a_webhook_that_is_disabled_while_its_lane_is_served_gets_nothing_more() {
    let crowd = Crowd::with(Manner::Mute).await;
    for _ in 0..3 {
        crowd.record(&crowd.odd, 0..1).await;
    }
    crowd.start().await;
    crowd.receivers.until_tried(1).await;
    let (label, deliveries) = (WebhookLabel::default(), &crowd.world.services.deliveries);
    let webhooks = &crowd.world.services.webhooks;
    webhooks.set(crowd.odd.id, label, None, false).await.unwrap();
    crowd.behave(Manner::Prompt);
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 1);
    let held = deliveries.list(crowd.odd.id, Some(DeliveryState::Held), None, None, 10).await;
    assert_eq!(held.unwrap().deliveries.len(), 2);
}

#[tokio::test]
async fn a_sink_that_was_away_is_tried_at_once_when_it_is_changed() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(retry()));
    for chat in 0..20 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    assert_eq!(scene.tally.counts().away, 1);
    scene.answer(|_| None);
    scene.set(Some(elsewhere())).await;
    // Those that were not tried yet; the others have their own pauses.
    until_texts(&scene.world, 12).await;
    assert_eq!(scene.tally.counts().away, 0);
}

#[tokio::test]
async fn a_sink_that_is_removed_while_it_is_away_is_not_counted_as_away_for_ever() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(retry()));
    for chat in 0..8 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    assert_eq!(scene.tally.counts().away, 1);
    let label = WebhookLabel::default();
    scene.world.services.webhooks.remove(scene.instance.id, &label).await.unwrap();
    assert_eq!(scene.tally.counts().away, 0);
    scene.world.clock.advance(LONG);
    scene.world.settle().await;
    assert_eq!(scene.tries("hello"), 8);
}
