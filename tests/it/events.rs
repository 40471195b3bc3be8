//! From WhatsApp to the receiver of a webhook that was set through the API.

use std::time::Duration;

use serde_json::json;
use wharf_domain::{delivery::Outcome, event::EventBody};
use wharf_testkit::build;
use wharf_tests::TestGateway;

async fn with_webhook(events: &[&str]) -> (TestGateway, wharf_testkit::InMemorySession) {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let body = json!({ "url": "https://example.com/hook", "events": events });
    gateway.post("/api/events/webhook/sales", body).await.expect(200);
    (gateway, session)
}

#[tokio::test]
async fn a_received_message_reaches_the_receiver_with_the_instances_token() {
    let (gateway, session) = with_webhook(&["message.exchange"]).await;
    let message = build::incoming(&build::phone("5511999990001"), "hello");
    session.receive(message.clone()).await.unwrap();
    let attempt = gateway.sink.until_attempts(1).await.remove(0);
    assert_eq!(attempt.event.body, EventBody::Message(Box::new(message)));
    assert_eq!(attempt.target.url.as_url().as_str(), "https://example.com/hook");
    let listed = gateway.get("/api/instance/list").await.expect(200);
    assert_eq!(listed["instances"][0]["token"], attempt.token.expose());
}

#[tokio::test]
async fn a_sent_message_comes_back_as_an_event() {
    let (gateway, _session) = with_webhook(&["message.exchange"]).await;
    let body = json!({ "number": "5511999990001", "message": "hello", "source": "crm" });
    let sent = gateway.post("/api/message/text/sales", body).await.expect(200);
    let attempt = gateway.sink.until_attempts(1).await.remove(0);
    let EventBody::Message(message) = attempt.event.body else { panic!("{attempt:?}") };
    assert_eq!(sent["data"]["messageId"], message.id.as_str());
    assert_eq!(message.source.as_deref(), Some("crm"));
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_the_event_when_it_is_back() {
    let (gateway, session) = with_webhook(&["message.exchange"]).await;
    let down = || Outcome::Retry { reason: "connection refused".to_owned(), after: None };
    gateway.sink.answer_next(down());
    gateway.sink.answer_next(down());
    session.receive(build::incoming(&build::phone("5511999990001"), "hello")).await.unwrap();
    let attempts = gateway.sink.until_attempts(3);
    assert_eq!(gateway.while_time_passes(Duration::from_secs(1), attempts).await.len(), 3);
    assert_eq!(gateway.sink.delivered().len(), 1);
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names() {
    let (gateway, session) = with_webhook(&["instance.state"]).await;
    session.receive(build::incoming(&build::phone("5511999990001"), "hello")).await.unwrap();
    gateway.delete("/api/instance/logout/sales").await.expect(200);
    let attempts = gateway.sink.until_attempts(1).await;
    assert!(matches!(attempts[0].event.body, EventBody::State(_)), "{attempts:?}");
}
