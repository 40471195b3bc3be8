//! What became of deliveries, once more, and no more.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use wharf_domain::{
    Error, Resource,
    delivery::{Attempt, DeliveryState, Dispatch, Outcome, Probe, Replay},
    event::EventId,
    ports::{Clock as _, EventLog as _, EventSink},
    webhook::WebhookLabel,
};
use wharf_testkit::{ManualClock, build};

use super::{Scene, refused, retry, text_of, texts, until_texts};
use crate::{LONG, World, target, wanted};

fn label() -> WebhookLabel {
    WebhookLabel::default()
}

impl Scene {
    /// The ids under which messages of that text were delivered.
    fn delivered_as(&self, text: &str) -> Vec<EventId> {
        let delivered = self.world.sink.delivered();
        let own = delivered.iter().filter(|event| text_of(event) == Some(text));
        own.map(|event| event.id).collect()
    }

    async fn replay(&self, replay: Replay) -> u64 {
        let deliveries = &self.world.services.deliveries;
        deliveries.replay(self.instance.id, &label(), replay).await.unwrap()
    }
}

#[tokio::test]
async fn a_replay_goes_out_under_the_same_id_and_does_not_hold_its_chat_back() {
    let scene = Scene::new().await;
    scene.say(2, "old").await;
    until_texts(&scene.world, 1).await;
    scene.world.settle().await;
    let [id] = scene.delivered_as("old")[..] else { panic!("not delivered once") };
    scene.answer(|text| (text == "old").then(retry));
    assert_eq!(scene.replay(Replay::Events(vec![id])).await, 1);
    scene.until_tried("old", 2).await;
    // While it waits for its next attempt it is not queued twice.
    assert_eq!(scene.replay(Replay::Events(vec![id])).await, 0);
    scene.say(2, "new").await;
    assert_eq!(until_texts(&scene.world, 2).await, ["old", "new"]);
    scene.answer(|_| None);
    scene.world.clock.advance(LONG);
    until_texts(&scene.world, 3).await;
    assert_eq!(scene.delivered_as("old"), [id, id]);
}

#[tokio::test]
async fn dead_letters_are_delivered_once_more_on_request() {
    let scene = Scene::new().await;
    scene.answer(|text| (text == "poison").then(refused));
    scene.say(2, "poison").await;
    for attempts in 1..=5 {
        scene.until_tried("poison", attempts).await;
        scene.world.clock.advance(LONG);
    }
    let dead = scene.world.store.dead_letters();
    scene.answer(|_| None);
    let later = scene.world.clock.now();
    assert_eq!(scene.replay(Replay::Dead(Some(later))).await, 0);
    assert_eq!(scene.replay(Replay::Dead(None)).await, 1);
    until_texts(&scene.world, 1).await;
    scene.world.settle().await;
    assert_eq!(scene.delivered_as("poison"), dead);
    assert!(scene.world.store.dead_letters().is_empty());
    // It begins anew, so it has all its attempts again.
    let delivered = scene.list(DeliveryState::Delivered).await;
    assert!(delivered.iter().any(|row| row.event == dead[0] && row.attempts == 1));
}

/// More events than one step looks at, recorded before there was a webhook.
const MANY: usize = 1_200;

async fn with_a_past() -> (World, wharf_domain::instance::Instance) {
    let world = World::new().await;
    let without = wharf_application::instances::CreateInstance { webhook: None, ..wanted("sales") };
    let instance = world.instance_like(without).await;
    let events: Vec<_> = (0..MANY)
        .map(|chat| build::phone(&format!("55119999{chat:05}")))
        .map(|from| build::message_event(build::incoming(&from, "hello")))
        .collect();
    world.store.append(instance.id, &events).await.unwrap();
    let webhooks = &world.services.webhooks;
    webhooks.set(instance.id, label(), Some(target()), false).await.unwrap();
    (world, instance)
}

#[tokio::test]
async fn everything_since_then_can_be_replayed_listed_in_pages_and_dropped() {
    let (world, instance) = with_a_past().await;
    let deliveries = &world.services.deliveries;
    let since = Replay::Since(build::moment(-1_000_000));
    assert_eq!(deliveries.replay(instance.id, &label(), since).await.unwrap(), MANY as u64);

    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let state = Some(DeliveryState::Pending);
        let page = deliveries.list(instance.id, state, Some(&label()), after, 500).await.unwrap();
        seen.extend(page.deliveries.iter().map(|row| row.event));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let recorded: Vec<_> = world.store.events(instance.id).iter().map(|event| event.id).collect();
    assert_eq!((pages, &seen), (3, &recorded));

    let dropped = deliveries.discard(instance.id, &label(), DeliveryState::Pending).await.unwrap();
    assert_eq!((dropped, world.store.undelivered()), (MANY as u64, 0));
}

#[tokio::test]
async fn what_is_held_can_be_dropped_instead_of_going_out() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(retry()));
    scene.say(2, "hello").await;
    scene.until_tried("hello", 1).await;
    let (webhooks, deliveries) = (&scene.world.services.webhooks, &scene.world.services.deliveries);
    let label = label();
    webhooks.set(scene.instance.id, label.clone(), None, false).await.unwrap();
    let discard = |state| deliveries.discard(scene.instance.id, &label, state);
    assert_eq!(discard(DeliveryState::Pending).await.unwrap(), 0);
    assert_eq!(discard(DeliveryState::Held).await.unwrap(), 1);
    scene.answer(|_| None);
    webhooks.set(scene.instance.id, label.clone(), Some(target()), false).await.unwrap();
    scene.world.clock.advance(LONG);
    scene.world.settle().await;
    assert!(texts(&scene.world).is_empty());
    let refusal = discard(DeliveryState::Delivered).await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { field: "state", .. }), "{refusal:?}");
}

#[tokio::test]
async fn dropping_what_holds_a_chat_lets_the_chat_go_on() {
    let scene = Scene::new().await;
    scene.answer(|text| (text == "first").then(retry));
    scene.say(2, "first").await;
    scene.until_tried("first", 1).await;
    let deliveries = &scene.world.services.deliveries;
    let (id, label) = (scene.instance.id, label());
    let dropped = deliveries.discard(id, &label, DeliveryState::Pending).await.unwrap();
    assert_eq!(dropped, 1);
    scene.say(2, "second").await;
    assert_eq!(until_texts(&scene.world, 1).await, ["second"]);
}

#[tokio::test]
async fn an_unknown_label_is_not_found() {
    let scene = Scene::new().await;
    let deliveries = &scene.world.services.deliveries;
    let (id, crm) = (scene.instance.id, WebhookLabel::parse(Some("crm")).unwrap());
    let refusals = [
        deliveries.list(id, None, Some(&crm), None, 10).await.err(),
        deliveries.replay(id, &crm, Replay::Dead(None)).await.err(),
        deliveries.discard(id, &crm, DeliveryState::Dead).await.err(),
        deliveries.test(&scene.instance, &crm).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(Error::NotFound(Resource::Webhook))), "{refusal:?}");
    }
}

/// A sink that takes a quarter of a second.
struct Slow(Arc<ManualClock>);

#[async_trait]
impl EventSink for Slow {
    async fn deliver(&self, _: &Dispatch<'_>) -> Attempt {
        Attempt { status: Some(200), outcome: Outcome::Delivered }
    }

    async fn probe(&self, _: &Probe<'_>) -> Attempt {
        self.0.advance(Duration::from_millis(250));
        Attempt { status: Some(404), outcome: retry() }
    }
}

#[tokio::test]
async fn a_test_event_says_how_it_went_and_how_long_it_took() {
    let clock = Arc::new(ManualClock::default());
    let world = World::with(Arc::default(), Arc::default(), |ports| {
        ports.clock = clock.clone();
        ports.webhook_sink = Arc::new(Slow(clock));
    })
    .await;
    let instance = world.instance("sales").await;
    let tested = world.services.deliveries.test(&instance, &label()).await.unwrap();
    assert_eq!(tested.attempt, Attempt { status: Some(404), outcome: retry() });
    assert_eq!(tested.took, Duration::from_millis(250));
}

#[tokio::test]
async fn a_test_event_is_new_each_time_and_in_no_log() {
    let scene = Scene::new().await;
    let recorded = scene.world.store.events(scene.instance.id).len();
    let deliveries = &scene.world.services.deliveries;
    for _ in 0..2 {
        let tested = deliveries.test(&scene.instance, &label()).await.unwrap();
        assert_eq!(tested.attempt.outcome, Outcome::Delivered);
    }
    let [one, two] = &scene.world.sink.probes()[..] else { panic!("not two probes") };
    assert_ne!(one.id, two.id);
    assert_eq!(one.id.0.get_version_num(), 7);
    assert_eq!((&one.instance, &one.token), (&scene.instance.name, &scene.instance.token));
    assert_eq!(scene.world.store.events(scene.instance.id).len(), recorded);

    scene.world.services.webhooks.set(scene.instance.id, label(), None, false).await.unwrap();
    let refusal = deliveries.test(&scene.instance, &label()).await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { field: "label", .. }), "{refusal:?}");
}

#[tokio::test]
async fn a_test_event_that_gets_through_ends_the_pause_of_its_sink() {
    let scene = Scene::new().await;
    scene.answer(|_| Some(retry()));
    for chat in 0..20 {
        scene.say(chat, "hello").await;
    }
    scene.until_tried("hello", 8).await;
    scene.answer(|_| None);
    scene.world.services.deliveries.test(&scene.instance, &label()).await.unwrap();
    until_texts(&scene.world, 12).await;
}
