//! What became of deliveries, once more, no more.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_domain::{delivery::Outcome, event::EventBody};
use wharf_testkit::{InMemorySession, build};
use wharf_tests::{Answer, Caller, TestGateway};

async fn with_webhook() -> (TestGateway, InMemorySession) {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    set(&gateway, json!({})).await;
    (gateway, session)
}

/// Sets the default webhook, which wants messages, with whatever else is said.
async fn set(gateway: &TestGateway, more: Value) {
    let mut body = json!({ "url": "https://example.com/hook", "events": ["message.exchange"] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.post("/api/events/webhook/sales", body).await.expect(200);
}

async fn disable(gateway: &TestGateway) {
    let body = json!({ "enabled": false });
    gateway.post("/api/events/webhook/sales", body).await.expect(200);
}

async fn list(gateway: &TestGateway, query: &str) -> Answer {
    gateway.owner().get(&format!("/api/events/deliveries/sales{query}")).await
}

async fn drop_those(gateway: &TestGateway, body: Value) -> Answer {
    let path = "/api/events/deliveries/sales";
    gateway.owner().delete_with(path, body).await
}

async fn replay(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/events/replay/sales", body).await
}

/// Receives so many texts, each in a chat of its own.
async fn receive(session: &InMemorySession, count: usize) {
    for sender in 0..count {
        let sender = build::phone(&format!("55119999{sender:05}"));
        session.receive(build::incoming(&sender, "hello")).await.unwrap();
    }
}

fn refused() -> Outcome {
    Outcome::Refused { reason: "the receiver answered 422".to_owned() }
}

/// Receives a text that its receiver refuses until it is a dead letter, and gives the id of its event.
async fn with_dead_letter(gateway: &TestGateway, session: &InMemorySession) -> String {
    for _ in 0..5 {
        gateway.sink.answer_next(refused());
    }
    let before = gateway.sink.attempts().len();
    receive(session, 1).await;
    let attempts = gateway.sink.until_attempts(before + 5);
    gateway.while_time_passes(Duration::from_mins(1), attempts).await;
    until_listed(gateway, "?state=dead", 1).await[0]["eventId"].as_str().unwrap().to_owned()
}

/// Waits until so many deliveries are listed, and gives them.
async fn until_listed(gateway: &TestGateway, query: &str, count: usize) -> Vec<Value> {
    loop {
        let listed = list(gateway, query).await.expect(200)["deliveries"].take();
        let listed: Vec<Value> = serde_json::from_value(listed).unwrap();
        if listed.len() == count {
            return listed;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn ids(deliveries: &[Value]) -> Vec<String> {
    deliveries.iter().map(|one| one["eventId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_delivery_is_listed_with_what_became_of_it() {
    let (gateway, session) = with_webhook().await;
    assert_eq!(
        list(&gateway, "").await.expect(200),
        json!({ "success": true, "deliveries": [], "nextCursor": null })
    );
    receive(&session, 1).await;
    let id = gateway.sink.until_attempts(1).await[0].event.id.0.to_string();
    let mut listed = until_listed(&gateway, "?state=delivered", 1).await;
    assert_eq!(listed[0]["eventId"].take(), id.as_str());
    assert_json_snapshot!(listed);

    gateway.sink.answer_next(Outcome::Retry { reason: "status 503".to_owned(), after: None });
    receive(&session, 1).await;
    gateway.sink.until_attempts(2).await;
    let pending = until_listed(&gateway, "?state=pending", 1).await.remove(0);
    assert_eq!(pending["attempts"], 1);
    assert_eq!(pending["lastError"], "status 503");
    assert!(pending["nextAttemptAt"].as_str().unwrap().ends_with('Z'), "{pending}");
}

#[tokio::test]
async fn what_its_receiver_refuses_five_times_is_dead_and_holds_nothing_back() {
    let (gateway, session) = with_webhook().await;
    let dead = with_dead_letter(&gateway, &session).await;
    let listed = list(&gateway, "?state=dead&label=default").await.expect(200);
    let letter = &listed["deliveries"][0];
    assert_eq!(letter["eventId"], dead);
    assert_eq!([&letter["attempts"], &letter["nextAttemptAt"]], [&json!(5), &Value::Null]);
    assert_eq!(letter["lastError"], "the receiver answered 422");
    receive(&session, 1).await;
    until_listed(&gateway, "?state=delivered", 1).await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let (gateway, session) = with_webhook().await;
    receive(&session, 5).await;
    let all = ids(&until_listed(&gateway, "?state=delivered", 5).await);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("?state=delivered&limit=2&cursor={cursor}");
        let page = list(&gateway, &query).await.expect(200);
        let page_ids = ids(page["deliveries"].as_array().unwrap());
        assert!((1..=2).contains(&page_ids.len()), "{page}");
        paged.extend(page_ids);
        let Some(next) = page["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(paged, all);
    assert_eq!(list(&gateway, "?limit=500").await.expect(200)["nextCursor"], Value::Null);
}

#[tokio::test]
async fn a_label_lists_its_own_deliveries() {
    let (gateway, session) = with_webhook().await;
    set(&gateway, json!({ "label": "crm" })).await;
    receive(&session, 1).await;
    until_listed(&gateway, "", 2).await;
    for (query, label) in [("?label=crm", "crm"), ("?label=", "default")] {
        let listed = list(&gateway, query).await.expect(200);
        let labels: Vec<_> =
            listed["deliveries"].as_array().unwrap().iter().map(|it| &it["label"]).collect();
        assert_eq!(labels, [label]);
    }
}

#[tokio::test]
async fn what_waits_for_a_disabled_webhook_is_held_until_it_is_enabled_again() {
    let (gateway, session) = with_webhook().await;
    gateway
        .sink
        .answer_by(|_| Some(Outcome::Retry { reason: "status 503".to_owned(), after: None }));
    receive(&session, 3).await;
    until_listed(&gateway, "?state=pending", 3).await;
    disable(&gateway).await;
    let held = until_listed(&gateway, "?state=held", 3).await;
    assert!(held.iter().all(|one| one["nextAttemptAt"].is_null()), "{held:?}");
    gateway.sink.answer_by(|_| None);
    set(&gateway, json!({ "url": "https://example.com/other" })).await;
    let delivered = until_listed(&gateway, "?state=delivered", 3);
    gateway.while_time_passes(Duration::from_mins(1), delivered).await;
    let last = gateway.sink.attempts().pop().unwrap();
    assert_eq!(last.target.url.as_str(), "https://example.com/other");
}

#[tokio::test]
async fn what_is_held_can_be_dropped() {
    let (gateway, session) = with_webhook().await;
    gateway
        .sink
        .answer_by(|_| Some(Outcome::Retry { reason: "status 503".to_owned(), after: None }));
    receive(&session, 3).await;
    until_listed(&gateway, "?state=pending", 3).await;
    disable(&gateway).await;
    let body = json!({ "label": "default", "state": "held" });
    let dropped = drop_those(&gateway, body.clone()).await.expect(200);
    assert_eq!(dropped, json!({ "success": true, "dropped": 3 }));
    assert_eq!(drop_those(&gateway, body).await.expect(200)["dropped"], 0);
    assert_eq!(list(&gateway, "").await.expect(200)["deliveries"], json!([]));
    let log = gateway.get("/api/events/log/sales").await.expect(200);
    let messages = log["events"].as_array().unwrap().iter();
    assert_eq!(messages.filter(|event| event["event"] == "message.exchange").count(), 3);
}

#[tokio::test]
async fn what_to_drop_has_to_be_said() {
    let (gateway, _session) = with_webhook().await;
    for (body, message) in [
        (json!({ "state": "held" }), "The 'label' field is required"),
        (json!({ "label": "default" }), "The 'state' field is required"),
        (json!({ "label": "default", "state": "" }), "The 'state' field is required"),
        (
            json!({ "label": "default", "state": "lost" }),
            "Invalid state: must be pending, delivered, dead or held",
        ),
        (
            json!({ "label": "default", "state": "delivered" }),
            "Invalid state: must be pending, dead or held",
        ),
        (
            json!({ "label": 5, "state": "dead" }),
            "Invalid request body: label: invalid type: integer `5`, expected a string at line 1 column 10",
        ),
    ] {
        assert_eq!(drop_those(&gateway, body).await.refusal(), (400, message.to_owned()));
    }
    let unknown = json!({ "label": "crm", "state": "dead" });
    let missing = (404, "Webhook not found".to_owned());
    assert_eq!(drop_those(&gateway, unknown).await.refusal(), missing);
    let empty = gateway.owner().delete("/api/events/deliveries/sales").await.refusal();
    assert_eq!(empty, (400, "Invalid request body: must be a JSON object".to_owned()));
}

#[tokio::test]
async fn a_dead_letter_is_replayed_under_its_id() {
    let (gateway, session) = with_webhook().await;
    let dead = with_dead_letter(&gateway, &session).await;
    let queued = replay(&gateway, json!({ "label": "default", "state": "dead" })).await.expect(202);
    assert_eq!(queued, json!({ "success": true, "queued": 1 }));
    let delivered = until_listed(&gateway, "?state=delivered", 1).await;
    assert_eq!(delivered[0]["eventId"], dead);
    assert_eq!(gateway.sink.delivered()[0].id.0.to_string(), dead);
    assert_eq!(list(&gateway, "?state=dead").await.expect(200)["deliveries"], json!([]));
}

#[tokio::test]
async fn named_events_are_replayed_although_they_were_delivered() {
    let (gateway, session) = with_webhook().await;
    receive(&session, 2).await;
    let delivered = ids(&until_listed(&gateway, "?state=delivered", 2).await);
    let body = json!({ "events": [delivered[1], uuid(7)] });
    assert_eq!(replay(&gateway, body).await.expect(202)["queued"], 1);
    let attempts = gateway.sink.until_attempts(3).await;
    assert_eq!(attempts[2].event.id.0.to_string(), delivered[1]);
    assert!(matches!(attempts[2].event.body, EventBody::Message(_)));
}

#[tokio::test]
async fn what_a_webhook_missed_is_replayed_from_a_moment_on() {
    let (gateway, session) = with_webhook().await;
    receive(&session, 2).await;
    until_listed(&gateway, "?state=delivered", 2).await;
    set(&gateway, json!({ "label": "late" })).await;
    assert_eq!(list(&gateway, "?label=late").await.expect(200)["deliveries"], json!([]));
    let since = "2026-01-01T00:00:00Z";
    let queued = replay(&gateway, json!({ "label": "late", "since": since })).await;
    assert_eq!(queued.expect(202)["queued"], 2);
    until_listed(&gateway, "?label=late&state=delivered", 2).await;
    let later = json!({ "label": "late", "since": "2999-01-01T00:00:00+03:00" });
    assert_eq!(replay(&gateway, later).await.expect(202)["queued"], 0);
    let dead = json!({ "label": "late", "since": since, "state": "dead" });
    assert_eq!(replay(&gateway, dead).await.expect(202)["queued"], 0);
}

#[tokio::test]
async fn what_to_replay_has_to_be_said() {
    let (gateway, _session) = with_webhook().await;
    let many: Vec<_> = (0..501).map(uuid).collect();
    for (body, message) in [
        (json!({}), "Invalid events: must be given, or since, or state"),
        (json!({ "events": [] }), "Invalid events: must name 1 to 500 events"),
        (json!({ "events": many }), "Invalid events: must name 1 to 500 events"),
        (json!({ "events": ["a"] }), "Invalid events: must be the ids of events"),
        (
            json!({ "events": [uuid(1)], "state": "dead" }),
            "Invalid events: cannot be combined with since or state",
        ),
        (
            json!({ "events": [uuid(1)], "since": "2026-01-01T00:00:00Z" }),
            "Invalid events: cannot be combined with since or state",
        ),
        (json!({ "state": "held" }), "Invalid state: must be dead"),
        (json!({ "state": "lost" }), "Invalid state: must be pending, delivered, dead or held"),
        (
            json!({ "since": "2026-01-01T00:00:00" }),
            "Invalid since: must be an RFC 3339 time with a zone",
        ),
    ] {
        assert_eq!(replay(&gateway, body).await.refusal(), (400, message.to_owned()));
    }
    let wrong = replay(&gateway, json!({ "events": "all" })).await.refusal();
    assert!(wrong.1.starts_with("Invalid request body: events: "), "{wrong:?}");
    let unknown = replay(&gateway, json!({ "label": "crm", "state": "dead" })).await.refusal();
    assert_eq!(unknown, (404, "Webhook not found".to_owned()));
}

#[tokio::test]
async fn what_to_list_is_looked_at() {
    let (gateway, _session) = with_webhook().await;
    let state = "Invalid state: must be pending, delivered, dead or held";
    let limit = "Invalid limit: must be 1 to 500";
    for (query, message) in [
        ("?state=lost", state),
        ("?state=Dead", state),
        ("?limit=0", limit),
        ("?limit=501", limit),
        ("?limit=ten", limit),
        ("?cursor=5", "Invalid cursor: is not one that was given out"),
    ] {
        assert_eq!(list(&gateway, query).await.refusal(), (400, message.to_owned()), "{query}");
    }
    let missing = (404, "Webhook not found".to_owned());
    assert_eq!(list(&gateway, "?label=crm").await.refusal(), missing);
    list(&gateway, "?state=&limit=&cursor=").await.expect(200);
}

#[tokio::test]
async fn the_token_of_the_instance_does_too() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    set(&gateway, json!({})).await;
    let own: Caller = gateway.holder(&token);
    own.get("/api/events/deliveries/sales").await.expect(200);
    own.post("/api/events/replay/sales", json!({ "state": "dead" })).await.expect(202);
    let body = json!({ "label": "", "state": "dead" });
    own.delete_with("/api/events/deliveries/sales", body).await.expect(200);
}

fn uuid(number: u128) -> String {
    format!("{number:032x}")
}
