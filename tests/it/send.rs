use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_domain::{
    address::PhoneNumber,
    message::Content,
    ports::{Clock, SessionEvent},
};
use wharf_testkit::build;
use wharf_tests::{Answer, TestGateway};

const ANA: &str = "5511999990001";

async fn send(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/message/text/sales", body).await
}

fn hello() -> Value {
    json!({ "number": ANA, "message": "hello" })
}

#[tokio::test]
async fn a_text_is_answered_once_whatsapp_has_it() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let sent = send(&gateway, hello()).await.expect(200);
    assert_json_snapshot!(sent, { ".data.messageId" => "[id]" });
    let (_, outgoing) = gateway.whatsapp.sent().remove(0);
    assert_eq!(sent["data"]["messageId"], outgoing.id.as_str());
    assert_eq!(outgoing.to, build::phone(ANA));
}

#[tokio::test]
async fn an_answer_quotes_a_stored_message_and_carries_the_callers_tag() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let question = build::incoming(&build::phone(ANA), "how much?");
    session.receive(question.clone()).await.unwrap();
    let body = json!({
        "number": ANA, "message": "five", "replyTo": question.id.as_str(), "source": "crm",
    });
    let sent = send(&gateway, body).await.expect(200);
    assert_eq!(sent["data"]["replyTo"], json!({ "messageId": question.id.as_str() }));
    assert_eq!(sent["data"]["source"], "crm");
}

#[tokio::test]
async fn a_reply_to_a_message_that_is_not_stored_is_refused() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let body = json!({ "number": ANA, "message": "five", "replyTo": "3EB0FFFF" });
    let refused = send(&gateway, body).await.refusal();
    assert_eq!(refused, (404, "Message not found".to_owned()));
    assert_eq!(gateway.whatsapp.sent().len(), 0);
}

#[tokio::test]
async fn a_delay_shows_typing_first() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let body = json!({ "number": ANA, "message": "hello", "delay": 3 });
    let sending = send(&gateway, body);
    let sent = gateway.while_time_passes(Duration::from_secs(1), sending).await;
    sent.expect(200);
    assert!(gateway.clock.now() >= build::moment(3));
    let shown: Vec<_> = gateway.whatsapp.typing().iter().map(|(_, _, on)| *on).collect();
    assert_eq!(shown, [true, false]);
}

#[tokio::test]
async fn a_recipient_may_be_written_in_many_ways() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    for (written, address) in [
        ("+55 (11) 99999-0001", "5511999990001@s.whatsapp.net"),
        ("5511999990001@s.whatsapp.net", "5511999990001@s.whatsapp.net"),
        ("5511999990001:12@s.whatsapp.net", "5511999990001@s.whatsapp.net"),
        ("123456789@lid", "123456789@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
    ] {
        let sent = send(&gateway, json!({ "number": written, "message": "hello" })).await;
        assert_eq!(sent.expect(200)["data"]["chat"]["jid"], address, "{written}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    for (body, message) in [
        (json!({ "message": "hello" }), "Number is required"),
        (json!({ "number": " ", "message": "hello" }), "Number is required"),
        (json!({ "number": ANA }), "Message is required"),
        (json!({ "number": ANA, "message": "" }), "Message is required"),
        (json!({}), "Number is required"),
    ] {
        assert_eq!(send(&gateway, body).await.refusal(), (400, message.to_owned()));
    }
}

#[tokio::test]
async fn what_is_not_right_is_named_with_the_reason() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    for (field, value) in [
        ("number", json!("abc")),
        ("number", json!("1@example.com")),
        ("message", json!("x".repeat(65_537))),
        ("delay", json!(-1)),
        ("delay", json!(301)),
        ("replyTo", json!("with space")),
        ("source", json!("x".repeat(101))),
    ] {
        let mut body = hello();
        body[field] = value;
        let (status, message) = send(&gateway, body).await.refusal();
        assert_eq!(status, 400, "{field}");
        assert!(message.starts_with(&format!("Invalid {field}: ")), "{message}");
    }
    assert_eq!(gateway.whatsapp.sent().len(), 0);
}

#[tokio::test]
async fn a_body_of_other_types_is_refused_with_field_and_reason() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let refused = send(&gateway, json!({ "number": 5, "message": "hello" })).await.refusal();
    assert_eq!(refused.0, 400);
    assert!(refused.1.starts_with("Invalid request body: number: invalid type"), "{}", refused.1);
    let refused = gateway.owner().post_text("/api/message/text/sales", "{\"number\":").await;
    let (status, message) = refused.refusal();
    assert_eq!(status, 400);
    assert!(message.starts_with("Invalid request body: "), "{message}");
}

#[tokio::test]
async fn nobody_with_the_number_is_said_so() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway.whatsapp.unregister(&PhoneNumber::parse("4915112345678").unwrap());
    let body = json!({ "number": "4915112345678", "message": "hello" });
    let expected = "Number 4915112345678 is not registered on WhatsApp";
    assert_eq!(send(&gateway, body).await.refusal(), (400, expected.to_owned()));
}

#[tokio::test]
async fn a_brazilian_number_is_found_in_either_form() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway.whatsapp.unregister(&PhoneNumber::parse(ANA).unwrap());
    let sent = send(&gateway, hello()).await.expect(200);
    assert_eq!(sent["data"]["chat"]["jid"], "551199990001@s.whatsapp.net");
}

#[tokio::test]
async fn nothing_is_sent_before_pairing_or_after_a_logout() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let expected = (400, "Instance is not connected to WhatsApp".to_owned());
    assert_eq!(send(&gateway, hello()).await.refusal(), expected);
    gateway.delete("/api/instance/delete/sales").await.expect(200);
    gateway.connected("sales").await;
    gateway.delete("/api/instance/logout/sales").await.expect(200);
    assert_eq!(send(&gateway, hello()).await.refusal(), expected);
}

#[tokio::test]
async fn a_refusal_by_whatsapp_keeps_its_code() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    for (code, status) in [(463, 429), (429, 429), (479, 500)] {
        gateway.whatsapp.refuse(&build::phone(ANA), code);
        let expected = format!("WhatsApp refused the message ({code})");
        assert_eq!(send(&gateway, hello()).await.refusal(), (status, expected));
    }
}

#[tokio::test]
async fn an_acknowledgement_that_never_comes_is_a_timeout() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway.whatsapp.set_silent(&build::phone(ANA), true);
    let expected = "WhatsApp did not acknowledge the message";
    assert_eq!(send(&gateway, hello()).await.refusal(), (504, expected.to_owned()));
}

#[tokio::test]
async fn an_acknowledgement_that_comes_late_settles_the_message() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let hook = json!({ "url": "https://example.com/hook", "events": ["message.exchange"] });
    gateway.post("/api/events/webhook/sales", hook).await.expect(200);
    gateway.whatsapp.set_silent(&build::phone(ANA), true);
    let caller = gateway.owner().with("idempotency-key", "order-1");
    let path = "/api/message/text/sales";
    assert_eq!(caller.post(path, hello()).await.status, 504);
    assert_eq!(caller.post(path, hello()).await.status, 504);
    let (_, outgoing) = gateway.whatsapp.until_sent(1).await.remove(0);
    session.emit(SessionEvent::LateAck {
        id: outgoing.id.clone(),
        timestamp: Some(build::moment(90)),
        refused: None,
    });
    gateway.sink.until_attempts(1).await;
    let sent = caller.post(path, hello()).await.expect(200);
    assert_eq!(sent["data"]["messageId"], outgoing.id.as_str());
    assert_eq!(gateway.whatsapp.sent().len(), 1);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_sends_nothing_and_gets_the_first_answer() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let caller = gateway.owner().with("idempotency-key", "order-1");
    let path = "/api/message/text/sales";
    let first = caller.post(path, hello()).await.expect(200);
    assert_eq!(caller.post(path, hello()).await.expect(200), first);
    assert_eq!(gateway.whatsapp.sent().len(), 1);
    let other = json!({ "number": ANA, "message": "something else" });
    let expected = "Idempotency-Key was already used for a different request";
    assert_eq!(caller.post(path, other).await.refusal(), (409, expected.to_owned()));
}

#[tokio::test]
async fn repeats_at_once_send_once() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let caller = gateway.owner().with("idempotency-key", "order-1");
    let calls = (0..5).map(|_| caller.post("/api/message/text/sales", hello()));
    let ids: Vec<_> = futures::future::join_all(calls)
        .await
        .iter()
        .map(|answer| answer.expect(200)["data"]["messageId"].take())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(gateway.whatsapp.sent().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused_and_an_empty_one_is_none() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let path = "/api/message/text/sales";
    let long = gateway.owner().with("idempotency-key", &"k".repeat(256));
    let (status, message) = long.post(path, hello()).await.refusal();
    assert_eq!(status, 400);
    assert!(message.starts_with("Invalid Idempotency-Key: "), "{message}");
    let empty = gateway.owner().with("idempotency-key", "");
    empty.post(path, hello()).await.expect(200);
    empty.post(path, json!({ "number": ANA, "message": "more" })).await.expect(200);
}

#[tokio::test]
async fn what_was_sent_is_stored() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    send(&gateway, hello()).await.expect(200);
    let stored = gateway.store.messages(gateway.id("sales").await);
    assert_eq!(stored[0].message.content, Content::Text("hello".to_owned()));
}
