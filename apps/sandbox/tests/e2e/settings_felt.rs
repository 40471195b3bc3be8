//! Every setting of an instance, felt on the phone or in the events.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{ANA, BIA, World, now, until};

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_rejected_with_a_message_only_while_that_is_set() {
    let world = World::paired().await;
    let ringing = world.whatsapp.ring(BIA, ANA).await;
    // Once it is told it has been dealt with, by the settings of that moment.
    let offer = |r: &crate::receiver::Received| r.body["data"]["callId"] == ringing;
    world.receiver.wait_for("offer of a call", offer).await;
    world.whatsapp.wait_for_call(BIA, &ringing, "ringing").await;

    let settings = json!({ "autoRejectCalls": true, "callRejectMessage": "please write" });
    world.gateway.set(settings).await;
    let call = world.whatsapp.ring(BIA, ANA).await;
    world.whatsapp.wait_for_call(BIA, &call, "rejected").await;
    let told = world.whatsapp.wait_for_text(BIA, "please write").await;
    assert_eq!(told["fromMe"], false);
    let event = world.receiver.wait_for_text("please write").await;
    assert_eq!(event.body["data"]["direction"], "outgoing");
    assert_eq!(event.body["data"]["message"]["source"], "auto-reject");
    world.whatsapp.wait_for_call(BIA, &ringing, "ringing").await;

    world.gateway.set(json!({ "callRejectMessage": "" })).await;
    let call = world.whatsapp.ring(BIA, ANA).await;
    world.whatsapp.wait_for_call(BIA, &call, "rejected").await;
    world.gateway.set(json!({ "autoRejectCalls": false })).await;
    let call = world.whatsapp.ring(BIA, ANA).await;
    // Whatever follows on the same connection shows that the call was let ring.
    world.whatsapp.send(BIA, ANA, "after the call").await;
    world.receiver.wait_for_text("after the call").await;
    world.whatsapp.wait_for_call(BIA, &call, "ringing").await;
    let messages = world.whatsapp.messages(BIA).await;
    assert_eq!(messages.iter().filter(|message| message["text"] == "please write").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_groups_leave_no_event_and_no_message_behind() {
    let world = World::paired().await;
    let group = world.whatsapp.group(BIA, "Friends", &[ANA]).await;
    world.whatsapp.send(BIA, &group, "heard").await;
    let event = world.receiver.wait_for_text("heard").await;
    assert_eq!(event.body["data"]["chat"]["jid"], group);

    world.gateway.set(json!({ "ignoreGroupMessages": true })).await;
    world.whatsapp.send(BIA, &group, "unheard").await;
    world.whatsapp.send(BIA, ANA, "private").await;
    world.receiver.wait_for_text("private").await;
    assert_eq!(world.receiver.count_of_text("unheard"), 0);

    world.gateway.set(json!({ "ignoreGroupMessages": false })).await;
    world.whatsapp.send(BIA, &group, "heard again").await;
    world.receiver.wait_for_text("heard again").await;
    assert_eq!(world.receiver.count_of_text("unheard"), 0);
    let metrics = metrics(&world).await;
    assert_eq!((&metrics["groupMessages"], &metrics["individualMessages"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_statuses_leave_no_event_and_no_message_behind() {
    let world = World::paired().await;
    world.whatsapp.status(BIA, "on the beach", &[ANA]).await;
    let event = world.receiver.wait_for_text("on the beach").await;
    assert_eq!(event.body["data"]["chat"]["jid"], "status@broadcast");

    world.gateway.set(json!({ "ignoreStatus": true })).await;
    world.whatsapp.status(BIA, "in the rain", &[ANA]).await;
    world.whatsapp.send(BIA, ANA, "private").await;
    world.receiver.wait_for_text("private").await;
    assert_eq!(world.receiver.count_of_text("in the rain"), 0);
    assert_eq!(metrics(&world).await["totalMessages"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn online_is_kept_while_that_is_set_and_left_to_the_phone_otherwise() {
    let mut world = World::paired().await;
    world.whatsapp.wait_for_presence(ANA, "unavailable").await;
    world.gateway.set(json!({ "keepOnlineStatus": true })).await;
    world.whatsapp.wait_for_presence(ANA, "available").await;
    world.gateway.kill();
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
    world.whatsapp.wait_for_presence(ANA, "available").await;
    world.gateway.set(json!({ "keepOnlineStatus": false })).await;
    world.whatsapp.wait_for_presence(ANA, "unavailable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_automatically_only_while_that_is_set() {
    let world = World::paired().await;
    let unread = world.whatsapp.send(BIA, ANA, "unread").await;
    world.receiver.wait_for_text("unread").await;
    world.gateway.set(json!({ "autoReadMessages": true })).await;
    let id = world.whatsapp.send(BIA, ANA, "to be read").await;
    until("the read receipt", || async {
        (receipt_on_phone(&world, &id).await == "read").then_some(())
    })
    .await;
    assert_ne!(receipt_on_phone(&world, &unread).await, "read");
    world.gateway.set(json!({ "autoReadMessages": false })).await;
    let id = world.whatsapp.send(BIA, ANA, "unread again").await;
    world.receiver.wait_for_text("unread again").await;
    world.gateway.send("sales", BIA, "an answer").await;
    world.whatsapp.wait_for_text(BIA, "an answer").await;
    assert_ne!(receipt_on_phone(&world, &id).await, "read");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phones_history_is_left_alone_unless_it_is_asked_for() {
    let world = with_history().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    world.whatsapp.send(BIA, ANA, "now").await;
    world.receiver.wait_for_text("now").await;
    assert_eq!(metrics(&world).await["totalMessages"], 1);
    let media: Vec<_> =
        world.whatsapp.peers().await.into_iter().filter(|peer| peer.0 == "media").collect();
    assert_eq!(media, [], "nothing is downloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phones_history_is_stored_when_it_is_wanted_and_makes_no_events() {
    let world = with_history().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.set(json!({ "disableHistorySync": false })).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    wait_for_total(&world, 3).await;
    let metrics = metrics(&world).await;
    assert_eq!((&metrics["messagesSent"], &metrics["messagesReceived"]), (&json!(1), &json!(2)));
    world.whatsapp.send(BIA, ANA, "now").await;
    world.receiver.wait_for_text("now").await;
    for text in ["long ago", "last month", "yesterday"] {
        assert_eq!(world.receiver.count_of_text(text), 0);
    }
    let log = world.gateway.log();
    assert!(log.contains("history"), "{log}");
    assert!(!log.contains("last month"), "no content in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_days_of_history_are_stored_as_are_asked_for_on_connecting() {
    let world = with_history().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales?history=40").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.scan(ANA, answer["qrCode"].as_str().unwrap()).await;
    world.gateway.wait_for_state("sales", "connected").await;
    wait_for_total(&world, 2).await;
}

/// Nothing paired; Ana's phone has three messages with Bia, the oldest beyond every 40 days.
async fn with_history() -> World {
    let world = World::new().await;
    let ago = |days: i64| {
        let at = now() - chrono::Duration::days(days);
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let messages = json!([
        { "with": BIA, "text": "long ago", "at": ago(400) },
        { "with": BIA, "text": "last month", "at": ago(30), "fromMe": true },
        { "with": BIA, "text": "yesterday", "at": ago(1) },
    ]);
    world.whatsapp.history(ANA, messages).await;
    world
}

async fn wait_for_total(world: &World, total: u64) {
    until(&format!("{total} stored messages"), || async {
        (metrics(world).await["totalMessages"] == total).then_some(())
    })
    .await;
}

async fn metrics(world: &World) -> Value {
    let (status, answer) = world.gateway.get("/api/instance/metrics/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["metrics"].clone()
}

/// What became of a message on the phone that sent it.
async fn receipt_on_phone(world: &World, id: &str) -> String {
    let messages = world.whatsapp.messages(BIA).await;
    let message = messages.iter().find(|message| message["id"] == id).unwrap();
    message["receipt"].as_str().unwrap_or_default().to_owned()
}
