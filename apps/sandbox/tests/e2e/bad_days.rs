//! Crashes, outages and refusals: nothing is lost, and the state stays true.

use reqwest::StatusCode;
use serde_json::json;

use crate::{ANA, BIA, Options, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_delivery_and_the_webhooks_answer_loses_nothing() {
    crash_before_the_answer(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_crash_between_delivery_and_the_webhooks_answer_loses_nothing_on_postgresql() {
    crash_before_the_answer(Options::postgres()).await;
}

async fn crash_before_the_answer(options: Options) {
    let mut world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    let held = world.receiver.hold_answers().await;
    world.whatsapp.send(BIA, ANA, "just before the crash").await;
    let first = world
        .receiver
        .wait_for("first attempt", |r| {
            r.body["data"]["message"]["content"] == "just before the crash"
        })
        .await;
    world.gateway.kill();
    drop(held);
    world.gateway.restart();
    let again = |r: &crate::receiver::Received| {
        r.body["data"]["message"]["content"] == "just before the crash"
    };
    let deadline = tokio::time::timeout(crate::DEADLINE, async {
        while world.receiver.received().iter().filter(|r| again(r)).count() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    deadline.await.unwrap();
    let ids: std::collections::HashSet<_> = world
        .receiver
        .received()
        .iter()
        .filter(|r| again(r))
        .map(|r| r.headers["webhook-id"].clone())
        .collect();
    assert_eq!(ids.len(), 1, "a repeat goes under the same id");
    assert!(ids.contains(&first.headers["webhook-id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_in_flight_during_crash_after_crash_all_arrive() {
    let mut world = World::paired().await;
    let mut sent = Vec::new();
    for round in 0..4 {
        for n in 0..10 {
            let text = format!("round {round} message {n}");
            world.whatsapp.send(BIA, ANA, &text).await;
            sent.push(text);
        }
        world.gateway.kill();
        world.gateway.restart();
    }
    for text in &sent {
        world.receiver.wait_for_text(text).await;
    }
    // In order, repeats aside.
    let mut order: Vec<String> = Vec::new();
    for received in world.receiver.received() {
        let Some(text) = received.body["data"]["message"]["content"].as_str() else { continue };
        if text.starts_with("round") && !order.iter().any(|seen| seen == text) {
            order.push(text.to_owned());
        }
    }
    assert_eq!(order, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_down_gets_everything_in_order() {
    let world = World::paired().await;
    world.receiver.wait_for_state("connected").await;
    world.receiver.answer(503);
    for n in 0..3 {
        world.whatsapp.send(BIA, ANA, &format!("while down {n}")).await;
    }
    world.receiver.wait_for("failed attempt", |r| r.answer == 503).await;
    world.receiver.answer(200);
    for n in 0..3 {
        world.receiver.wait_for_text(&format!("while down {n}")).await;
    }
    let accepted: Vec<_> = world
        .receiver
        .received()
        .into_iter()
        .filter(|r| r.answer == 200)
        .filter_map(|r| r.body["data"]["message"]["content"].as_str().map(str::to_owned))
        .filter(|text| text.starts_with("while down"))
        .collect();
    assert_eq!(accepted, ["while down 0", "while down 1", "while down 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_sessions_come_back_when_whatsapp_restarts() {
    let mut world = World::paired().await;
    world.whatsapp.kill();
    world.receiver.wait_for_state("disconnected").await;
    assert_ne!(world.gateway.state("sales").await, "connected");
    world.whatsapp.restart();
    world.gateway.wait_for_state("sales", "connected").await;
    world.whatsapp.send(BIA, ANA, "after the outage").await;
    world.receiver.wait_for_text("after the outage").await;
    let (status, answer) = world.gateway.send("sales", BIA, "and out").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "and out").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_connection_comes_back_by_itself() {
    let world = World::paired().await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "drop", "count": 1 })).await;
    world.receiver.wait_for_state("disconnected").await;
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_delivers_twice_is_told_once() {
    let world = World::paired().await;
    let id = world.whatsapp.send(BIA, ANA, "twice").await;
    world.receiver.wait_for_text("twice").await;
    let fault = json!({ "number": ANA, "fault": "redeliver", "messageId": id, "count": 1 });
    world.whatsapp.fault(fault).await;
    world.whatsapp.wait_for_redelivery().await;
    world.whatsapp.send(BIA, ANA, "afterwards").await;
    world.receiver.wait_for_text("afterwards").await;
    assert_eq!(world.receiver.count_of_text("twice"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_ban_is_told_and_waited_out() {
    let world = World::paired().await;
    let fault =
        json!({ "number": ANA, "fault": "temp-ban", "code": 101, "seconds": 2, "count": 1 });
    world.whatsapp.fault(fault).await;
    let event = world.receiver.wait_for_state("temp_banned").await;
    assert_eq!(event.body["data"]["code"], 101);
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_is_told_and_not_fought() {
    let mut world = World::paired().await;
    world.receiver.wait_for_state("connected").await;
    // The count that is left tells how many logins were tried.
    world.whatsapp.fault(json!({ "number": ANA, "fault": "ban", "count": 1000 })).await;
    world.gateway.wait_for_state("sales", "banned").await;
    world.receiver.wait_for_state("connect_failure").await;
    // A gateway that fights would try again after a second, and after two more.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(world.whatsapp.faults().await[0]["count"], 999);
    // Nor does a restart try it.
    world.gateway.kill();
    world.gateway.restart();
    assert_eq!(world.gateway.state("sales").await, "banned");
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert!(!status.is_success(), "{answer}");
    assert_eq!(world.gateway.state("sales").await, "banned");
    assert_eq!(world.whatsapp.faults().await[0]["count"], 998);
    // The keys were kept: once WhatsApp has forgiven, an explicit connect is enough.
    world.whatsapp.clear_faults().await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["status"], "connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_client_and_a_replaced_session_are_told() {
    let world = World::paired().await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "replace", "count": 1 })).await;
    world.receiver.wait_for_state("stream_replaced").await;
    world.gateway.wait_for_state("sales", "disconnected").await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "outdated", "count": 1 })).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    world.receiver.wait_for_state("client_outdated").await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let world = World::new().await;
    let refusal = world.gateway.refused_start(&Options::default());
    assert!(refusal.contains("in use"), "{refusal}");
    world.gateway.create("sales", &world.receiver.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_second_server_on_the_same_postgresql_is_refused_wherever_its_files_are() {
    let world = World::with(Options::postgres()).await;
    let refusal = world.gateway.refused_start_elsewhere();
    assert!(refusal.contains("in use"), "{refusal}");
    world.gateway.create("sales", &world.receiver.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_loses_its_hold_of_postgresql_to_another_ends_and_may_be_started_again() {
    let options = Options::postgres();
    let mut world = World::paired_with(options.clone()).await;
    let hold = "FROM pg_locks WHERE locktype = 'advisory' AND objid = '{}'::regnamespace";
    // What another server does when it takes over.
    let taken = "UPDATE {}.server_holder SET number = number + 1";
    assert!(options.sql(&format!("{taken}; SELECT pg_terminate_backend(pid) {hold}")));
    assert!(!world.gateway.wait_for_end().await.success());
    assert!(world.gateway.log().contains("another server has the database"));
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn keys_without_an_instance_are_gone_after_a_start() {
    let options = Options::postgres();
    let mut world = World::paired_with(options.clone()).await;
    let any_keys = "EXISTS (SELECT 1 FROM {}.wa_session) OR EXISTS (SELECT 1 FROM {}.wa_device)";
    let holds = |claim: &str| options.sql(&format!("DO $$BEGIN ASSERT {claim}; END$$"));
    assert!(holds(any_keys));
    world.gateway.kill();
    assert!(options.sql("DELETE FROM {}.instance"));
    world.gateway.restart();
    assert!(holds(&format!("NOT ({any_keys})")));
    world.gateway.create("sales", &world.receiver.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_is_refused_and_touches_nothing() {
    let mut world = World::paired().await;
    world.gateway.kill();
    let wrong = Options::default().set("WHARF_ENCRYPTION_KEY", "11".repeat(32));
    let refusal = world.gateway.refused_start(&wrong);
    assert!(refusal.contains("key"), "{refusal}");
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
}
