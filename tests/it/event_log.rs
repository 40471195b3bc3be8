//! The event log, read by a caller.

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_testkit::{InMemorySession, build};
use wharf_tests::{Answer, TestGateway};

async fn with_messages(count: usize) -> (TestGateway, InMemorySession) {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    for number in 0..count {
        let sender = build::phone("5511999990001");
        session.receive(build::incoming(&sender, &number.to_string())).await.unwrap();
    }
    (gateway, session)
}

async fn read(gateway: &TestGateway, query: &str) -> Answer {
    gateway.owner().get(&format!("/api/events/log/sales{query}")).await
}

fn events(answer: &Answer) -> Vec<Value> {
    serde_json::from_value(answer.expect(200)["events"].take()).unwrap()
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_log_has_the_envelopes_of_all_events_in_order() {
    let (gateway, _session) = with_messages(3).await;
    let read = events(&read(&gateway, "").await);
    let kinds: Vec<_> = read.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let messages = read.iter().filter(|event| event["event"] == "message.exchange");
    let said: Vec<_> = messages.map(|event| event["data"]["message"]["content"].clone()).collect();
    assert_eq!(said, ["0", "1", "2"]);
    assert!(kinds.contains(&"instance.state"), "no webhook asked for any of them: {kinds:?}");
    let mut last = read.last().unwrap().clone();
    assert_eq!(last["eventId"].as_str().unwrap().len(), 36);
    let data = &last["instanceData"];
    assert_eq!([&data["baseUrl"], &data["instance"]], ["http://localhost:8080", "sales"]);
    last["data"].as_object_mut().unwrap().retain(|key, _| key == "direction");
    last["eventId"].take();
    last["instanceData"]["token"].take();
    assert_json_snapshot!(last);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let (gateway, session) = with_messages(4).await;
    let all = events(&read(&gateway, "").await);
    let mut paged = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = read(&gateway, &query).await;
        let of_page = events(&page);
        assert!((1..=2).contains(&of_page.len()), "{}", page.text);
        paged.extend(of_page);
        let answer = page.json();
        let Some(next) = answer["nextCursor"].as_str() else { break };
        query = format!("?limit=2&since=2999-01-01T00:00:00Z&cursor={next}");
    }
    assert_eq!(paged, all);
    // Whoever has read everything goes on after the last event.
    let last = ids(&all).pop().unwrap().to_owned();
    let sender = build::phone("5511999990001");
    session.receive(build::incoming(&sender, "new")).await.unwrap();
    let after = events(&read(&gateway, &format!("?since={last}")).await);
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["data"]["message"]["content"], "new");
}

#[tokio::test]
async fn since_is_an_event_or_a_moment() {
    let (gateway, _session) = with_messages(2).await;
    let all = events(&read(&gateway, "").await);
    let (first, rest) = all.split_first().unwrap();
    let since = first["eventId"].as_str().unwrap();
    assert_eq!(events(&read(&gateway, &format!("?since={since}")).await), rest);
    assert_eq!(events(&read(&gateway, "?since=2020-01-01T00:00:00Z").await), all);
    assert_eq!(events(&read(&gateway, "?since=2020-01-01T00:00:00+03:00").await), all);
    let nothing = read(&gateway, "?since=2999-01-01T00:00:00%2B03:00").await.expect(200);
    assert_eq!(nothing, json!({ "success": true, "events": [], "nextCursor": null }));
}

#[tokio::test]
async fn what_is_asked_for_is_looked_at() {
    let (gateway, _session) = with_messages(0).await;
    let since = "Invalid since: must be the id of an event or an RFC 3339 time with a zone";
    let limit = "Invalid limit: must be 1 to 500";
    for (query, message) in [
        ("?since=yesterday", since),
        ("?since=2026-01-01T00:00:00", since),
        ("?limit=0", limit),
        ("?limit=501", limit),
        ("?cursor=5", "Invalid cursor: is not one that was given out"),
    ] {
        assert_eq!(read(&gateway, query).await.refusal(), (400, message.to_owned()), "{query}");
    }
    read(&gateway, "?since=&cursor=&limit=").await.expect(200);
    let owner = gateway.owner();
    owner.get("/api/events/log/sales").await.expect(200);
}

#[tokio::test]
async fn an_instance_that_nothing_happened_to_has_an_empty_log() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let answer = gateway.holder(&token).get("/api/events/log/sales").await;
    assert_eq!(answer.text, r#"{"success":true,"events":[],"nextCursor":null}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
