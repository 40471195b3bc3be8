//! What becomes of events whose receivers refuse, are switched off, are gone or want them again, seen from outside.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{ANA, BIA, Options, Receiver, World, receiver::Received, until};

/// Ana's instance is connected, and what fails is tried again soon.
async fn impatient() -> World {
    let options = Options::default()
        .set("WHARF_WEBHOOK_FIRST_RETRY", "50ms")
        .set("WHARF_WEBHOOK_LONGEST_RETRY", "200ms");
    let world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    world
}

impl World {
    async fn set_webhook(&self, webhook: Value) -> Value {
        self.gateway.post("/api/events/webhook/sales", webhook).await["webhook"].clone()
    }

    async fn webhook(&self) -> Value {
        let (status, read) = self.gateway.get("/api/events/getWebhook/sales?label=default").await;
        assert_eq!(status, StatusCode::OK, "{read}");
        read["webhook"].clone()
    }

    /// The deliveries in a state, the oldest first.
    async fn deliveries(&self, state: &str) -> Vec<Value> {
        let path = format!("/api/events/deliveries/sales?state={state}");
        let (status, listed) = self.gateway.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{listed}");
        listed["deliveries"].as_array().unwrap().clone()
    }

    async fn until_there_are(&self, state: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} deliveries that are {state}"), || async {
            Some(self.deliveries(state).await).filter(|listed| listed.len() == count)
        })
        .await
    }

    /// Asks for a replay to `default` and gives how much was queued.
    async fn replay(&self, mut wanted: Value) -> Value {
        wanted["label"] = "default".into();
        let path = "/api/events/replay/sales";
        let (status, answer) = self.gateway.call(Method::POST, path, wanted).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["queued"].clone()
    }
}

fn id(received: &Received) -> &str {
    received.headers["webhook-id"].to_str().unwrap()
}

/// The requests that carried a message of that text.
fn of_text(receiver: &Receiver, text: &str) -> Vec<Received> {
    let mut requests = receiver.received();
    requests.retain(|one| one.body["data"]["message"]["content"] == text);
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_disabled_webhook_is_held_and_goes_out_in_order_wherever_it_leads_then() {
    let mut world = impatient().await;
    world.receiver.answer(500);
    for text in ["one", "two", "three"] {
        world.whatsapp.send(BIA, ANA, text).await;
    }
    world.until_there_are("pending", 3).await;
    let off = world.set_webhook(json!({ "enabled": false })).await;
    assert_eq!(off["url"], Value::Null);
    let held = world.until_there_are("held", 3).await;
    assert!(held.iter().all(|one| one["nextAttemptAt"].is_null()), "{held:#?}");
    world.whatsapp.send(BIA, ANA, "meanwhile").await;
    until("it to be in the log", || async {
        let (_, log) = world.gateway.get("/api/events/log/sales?limit=500").await;
        let mut events = log["events"].as_array().unwrap().iter();
        events.any(|event| event["data"]["message"]["content"] == "meanwhile").then_some(())
    })
    .await;

    // Nobody forgets it.
    let tried = world.receiver.received().len();
    world.gateway.kill();
    world.gateway.restart();
    assert_eq!(world.deliveries("held").await.len(), 3);

    let elsewhere = Receiver::start().await;
    world.set_webhook(json!({ "url": elsewhere.url(), "events": ["message.exchange"] })).await;
    elsewhere.wait_for_text("three").await;
    assert_eq!(elsewhere.texts(), ["one", "two", "three"]);
    assert_eq!(world.receiver.received().len(), tried, "nothing more goes where it went before");

    // What happened while it was off was recorded for nobody, and can be asked for.
    world.until_there_are("pending", 0).await;
    world.replay(json!({ "since": "2020-01-01T00:00:00Z" })).await;
    elsewhere.wait_for_text("meanwhile").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_ends_its_webhook_which_says_so() {
    let mut world = impatient().await;
    world.receiver.answer(410);
    world.whatsapp.send(BIA, ANA, "too late").await;
    let stopped = until("a webhook that is off", || async {
        Some(world.webhook().await).filter(|webhook| webhook["enabled"] == false)
    })
    .await;
    assert!(stopped["disabledReason"].as_str().unwrap().contains("410"), "{stopped}");
    assert!(stopped["disabledAt"].is_string(), "{stopped}");
    let held = world.until_there_are("held", 1).await;
    assert_eq!((&held[0]["attempts"], &held[0]["lastStatus"]), (&json!(1), &json!(410)));
    let test = world.gateway.call(Method::POST, "/api/events/test/sales", json!({})).await;
    assert_eq!(test.0, StatusCode::BAD_REQUEST, "{}", test.1);

    world.gateway.kill();
    world.gateway.restart();
    assert_eq!(world.webhook().await, stopped, "it still says so");

    world.receiver.answer(200);
    let on = world.set_webhook(json!({ "url": world.receiver.url() })).await;
    assert!(on.get("disabledReason").is_none(), "{on}");
    let arrived = world.receiver.wait_for_text("too late").await;
    let attempts = of_text(&world.receiver, "too late");
    assert_eq!(attempts.len(), 2);
    assert_eq!(id(&attempts[0]), id(&arrived));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_holds_its_chat_for_five_attempts_and_can_be_had_again() {
    let world = impatient().await;
    world.receiver.answer_text("poison", 422);
    world.whatsapp.send(BIA, ANA, "poison").await;
    world.whatsapp.send(BIA, ANA, "after it").await;
    world.receiver.wait_for_text("after it").await;
    let refused = of_text(&world.receiver, "poison");
    assert_eq!(refused.len(), 5);
    let dead = world.until_there_are("dead", 1).await;
    assert_eq!(dead[0]["eventId"], id(&refused[0]));
    assert_eq!((&dead[0]["attempts"], &dead[0]["lastStatus"]), (&json!(5), &json!(422)));

    world.receiver.answer_text("poison", 200);
    assert_eq!(world.replay(json!({ "state": "dead" })).await, 1);
    let taken = world.receiver.wait_for_text("poison").await;
    assert_eq!((id(&taken), &taken.body), (id(&refused[0]), &refused[0].body));
    world.until_there_are("dead", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_repeats_an_event_under_its_id_while_its_chat_is_stuck() {
    let world = impatient().await;
    world.whatsapp.send(BIA, ANA, "lost by the receiver").await;
    let first = world.receiver.wait_for_text("lost by the receiver").await;
    world.receiver.answer_text("stuck", 503);
    world.whatsapp.send(BIA, ANA, "stuck").await;
    world.whatsapp.send(BIA, ANA, "behind it").await;
    world.until_there_are("pending", 2).await;

    assert_eq!(world.replay(json!({ "events": [id(&first)] })).await, 1);
    until("it to come again", || async {
        (world.receiver.count_of_text("lost by the receiver") == 2).then_some(())
    })
    .await;
    let copies = of_text(&world.receiver, "lost by the receiver");
    assert_eq!((id(&copies[1]), &copies[1].body), (id(&first), &first.body));
    assert_eq!(world.receiver.count_of_text("behind it"), 0, "the chat waits all the same");

    world.receiver.answer_text("stuck", 200);
    world.receiver.wait_for_text("behind it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signatures_are_sent_while_one_secret_takes_the_place_of_another() {
    let world = impatient().await;
    let url = world.receiver.url();
    let signatures = async |text: &str| {
        world.whatsapp.send(BIA, ANA, text).await;
        let received = world.receiver.wait_for_text(text).await;
        let header = received.headers.get("webhook-signature");
        let signatures = header.map_or("", |header| header.to_str().unwrap()).split_whitespace();
        signatures.map(|signature| signature.starts_with("v1,")).collect::<Vec<_>>()
    };
    world.set_webhook(json!({ "url": url, "secret": "the first secret" })).await;
    assert_eq!(signatures("one").await, [true]);
    let renewed = world.set_webhook(json!({ "url": url, "secret": "the second secret" })).await;
    assert!(renewed["previousSecretUntil"].is_string(), "{renewed}");
    assert_eq!(signatures("two").await, [true, true]);
    let unsigned = world.set_webhook(json!({ "url": url, "secret": null })).await;
    assert_eq!(unsigned["signed"], false, "{unsigned}");
    assert!(signatures("three").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_in_order_delivers_nothing_twice_and_leaves_nothing_out() {
    const PEOPLE: usize = 6;
    const EACH: usize = 5;
    let mut world = impatient().await;
    let mut people = Vec::new();
    for index in 0..PEOPLE {
        let number = format!("55119888800{index:02}");
        world.whatsapp.phone(&number, "Somebody").await;
        people.push(world.whatsapp.sender(&number));
    }
    // Several deliveries are under way, others wait behind them, and more messages come while nobody is there.
    for round in 0..3 {
        let held = world.receiver.hold_answers().await;
        let before = world.receiver.texts().len();
        for index in 0..EACH {
            for (person, sender) in people.iter().enumerate() {
                sender.send(ANA, &format!("{person}: {round}.{index}")).await;
            }
        }
        until("deliveries under way", || async {
            (world.receiver.texts().len() >= before + PEOPLE).then_some(())
        })
        .await;
        world.gateway.ask_to_end();
        world.gateway.wait_for_log("ending").await;
        drop(held);
        assert!(world.gateway.wait_for_end().await.success(), "{}", world.gateway.log());
        for (person, sender) in people.iter().enumerate() {
            sender.send(ANA, &format!("{person}: {round}.{EACH}")).await;
        }
        world.gateway.restart();
        for person in 0..PEOPLE {
            world.receiver.wait_for_text(&format!("{person}: {round}.{EACH}")).await;
        }
    }
    // Nothing waits any more that could still come twice.
    world.until_there_are("pending", 0).await;
    for person in 0..PEOPLE {
        let mut texts = world.receiver.texts();
        texts.retain(|text| text.starts_with(&format!("{person}: ")));
        let rounds = (0..3).flat_map(|round| (0..=EACH).map(move |index| (round, index)));
        let sent: Vec<_> =
            rounds.map(|(round, index)| format!("{person}: {round}.{index}")).collect();
        assert_eq!(texts, sent);
    }
}
