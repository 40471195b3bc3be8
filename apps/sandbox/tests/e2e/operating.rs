//! What an operator sees of a gateway: its log, its measures, and how it ends.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::RwLockWriteGuard;

use crate::{ANA, BIA, Options, Receiver, WhatsApp, World, gateway::TOKEN, until};

const METRICS_TOKEN: &str = "whoever-counts-reads-this";

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_asked_to_end_finishes_what_it_has_begun() {
    finishes_what_it_has_begun(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_gateway_that_is_asked_to_end_finishes_what_it_has_begun_on_postgresql() {
    finishes_what_it_has_begun(Options::postgres()).await;
}

/// Sends a text and returns once it is being delivered, which goes on while the guard lives.
async fn begin_delivery<'a>(
    whatsapp: &WhatsApp,
    receiver: &'a Receiver,
    text: &str,
) -> RwLockWriteGuard<'a, ()> {
    let held = receiver.hold_answers().await;
    whatsapp.send(BIA, ANA, text).await;
    until("a delivery under way", || async { (receiver.count_of_text(text) == 1).then_some(()) })
        .await;
    held
}

async fn finishes_what_it_has_begun(options: Options) {
    let mut world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    // A send that WhatsApp takes its time to acknowledge, and a receiver that takes its time to answer.
    let fault = json!({ "number": ANA, "fault": "delay-ack", "ms": 1_500, "count": 1 });
    world.whatsapp.fault(fault).await;
    let held = begin_delivery(&world.whatsapp, &world.receiver, "under way").await;
    let sending = async {
        let answer = world.gateway.send("sales", BIA, "not acknowledged yet").await;
        drop(held);
        answer
    };
    let ending = async {
        world.whatsapp.wait_for_text(BIA, "not acknowledged yet").await;
        world.gateway.ask_to_end();
        until("an answer that says no", || async {
            let (status, health) = world.gateway.get("/health/ready").await;
            (status == StatusCode::SERVICE_UNAVAILABLE).then_some(health)
        })
        .await
    };
    let ((status, sent), health) = tokio::join!(sending, ending);
    assert_eq!(health["checks"]["server"], "fail: accepting requests failed: shutting down");
    assert_eq!(status, StatusCode::OK, "{sent}");
    assert!(world.gateway.wait_for_end().await.success(), "{}", world.gateway.log());

    let devices = world.whatsapp.devices(ANA).await;
    assert_eq!(devices.len(), 2, "the device stays linked: {devices:?}");
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
    world.whatsapp.send(BIA, ANA, "afterwards").await;
    world.receiver.wait_for_text("afterwards").await;
    // What follows it in its chat has arrived, so a second copy would have too.
    assert_eq!(world.receiver.count_of_text("under way"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_ends_it_takes_nothing_new_on() {
    let mut world =
        World::paired_with(Options::default().set("WHARF_SHUTDOWN_TIMEOUT", "1h")).await;
    world.receiver.wait_for_state("connected").await;
    let held = begin_delivery(&world.whatsapp, &world.receiver, "under way").await;
    world.gateway.ask_to_end();
    world.gateway.wait_for_log("ending").await;
    let (status, answer) = world.gateway.send("sales", BIA, "too late").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert_eq!(answer["error"]["message"], "The gateway is shutting down");
    let before = world.receiver.received().len();
    drop(held);
    assert!(world.gateway.wait_for_end().await.success(), "{}", world.gateway.log());
    assert_eq!(world.receiver.received().len(), before, "nothing more was claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_left_and_delivered_after_the_next_start() {
    let options = Options::default().set("WHARF_SHUTDOWN_TIMEOUT", "1s");
    let mut world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    let held = begin_delivery(&world.whatsapp, &world.receiver, "broken off").await;
    world.gateway.ask_to_end();
    assert!(world.gateway.wait_for_end().await.success(), "{}", world.gateway.log());
    drop(held);
    world.gateway.restart();
    until("a second copy", || async {
        (world.receiver.count_of_text("broken off") == 2).then_some(())
    })
    .await;
    let copies = world
        .receiver
        .received()
        .into_iter()
        .filter(|received| received.body["data"]["message"]["content"] == "broken off");
    let ids: BTreeSet<_> = copies
        .map(|copy| copy.headers["webhook-id"].clone())
        .map(|id| id.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "both have the same id: {ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_asked_twice_ends_at_once() {
    let options = Options::default().set("WHARF_SHUTDOWN_TIMEOUT", "1h");
    let mut world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    let _held = begin_delivery(&world.whatsapp, &world.receiver, "under way").await;
    world.gateway.ask_to_end();
    world.gateway.wait_for_log("ending").await;
    world.gateway.ask_to_end();
    assert!(world.gateway.wait_for_end().await.success(), "{}", world.gateway.log());
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_json_log_is_an_object_that_tells_what_it_concerns() {
    let options =
        Options::default().set("WHARF_LOG_FORMAT", "json").set("WHARF_LOG", "debug,wharf=trace");
    let world = World::paired_with(options).await;
    world.receiver.answer(500);
    world.whatsapp.send(BIA, ANA, "nobody else may read this").await;
    let received = world
        .receiver
        .wait_for("a failed attempt", |r| r.body["event"] == "message.exchange")
        .await;
    world.receiver.answer(200);
    let (status, answer) = world.gateway.send("sales", BIA, "nor that").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let event = received.body["eventId"].as_str().unwrap();
    let lines = until("a line about the event", || async {
        let lines: Vec<Value> = world
            .gateway
            .log()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect();
        lines.iter().any(|line| field(line, "event") == Some(event)).then_some(lines)
    })
    .await;
    for line in &lines {
        for needed in ["timestamp", "level", "target"] {
            assert!(line[needed].is_string(), "no {needed}: {line}");
        }
    }
    let about = lines.iter().find(|line| field(line, "event") == Some(event)).unwrap();
    let instance = field(about, "instance").unwrap_or_else(|| panic!("no instance: {about}"));
    let others = lines.iter().filter(|line| field(line, "instance") == Some(instance));
    assert!(others.count() > 1, "other lines name the instance too");

    let log = world.gateway.log();
    let token = received.body["instanceData"]["token"].as_str().unwrap();
    for secret in [ANA, BIA, "nobody else", "nor that", TOKEN, token] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}

/// A field of a line, or of what it was written in the course of.
fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line[name].as_str().or_else(|| line["span"][name].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_measures_tell_what_has_happened() {
    let options = Options::default().set("WHARF_METRICS_TOKEN", METRICS_TOKEN);
    let world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    world.whatsapp.send(BIA, ANA, "counted").await;
    world.receiver.wait_for_text("counted").await;
    let (status, _) = world.gateway.get("/metrics").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "an account's token is none of the operator's");

    // The attempt is counted once the answer has been read.
    let text = until("a measure of the attempt", || async {
        let text = measures(&world).await;
        (value(&text, "wharf_sessions{state=\"connected\"}") == Some(1.0)
            && value(
                &text,
                "wharf_delivery_attempts_total{sink=\"webhook\",outcome=\"delivered\"}",
            ) >= Some(4.0))
        .then_some(text)
    })
    .await;
    for (measure, least) in [
        ("wharf_events_total{event=\"message.exchange\",result=\"new\"}", 1.0),
        ("wharf_events_total{event=\"instance.state\",result=\"new\"}", 3.0),
        ("wharf_delivery_attempt_seconds_count{sink=\"webhook\"}", 4.0),
        ("wharf_store_write_seconds_count{result=\"ok\"}", 10.0),
        ("wharf_store_up", 1.0),
        ("wharf_deliveries{state=\"pending\"}", 0.0),
        ("process_resident_memory_bytes", 1e6),
    ] {
        let value = value(&text, measure).unwrap_or_else(|| panic!("no {measure} in\n{text}"));
        assert!(value >= least, "{measure} is {value}");
    }
    for private in ["sales", ANA, BIA, TOKEN, METRICS_TOKEN] {
        assert!(!text.contains(private), "`{private}` is among the measures");
    }
}

async fn measures(world: &World) -> String {
    let bearer = format!("Bearer {METRICS_TOKEN}");
    let url = format!("{}/metrics", world.gateway.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).header("authorization", bearer).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

fn value(text: &str, measure: &str) -> Option<f64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(measure)?.strip_prefix(' ')?.parse().ok())
}
