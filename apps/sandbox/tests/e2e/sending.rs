//! Sends that do not go as hoped.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{ANA, BIA, World, gateway::TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn a_number_nobody_has_is_refused() {
    let world = World::paired().await;
    let (status, answer) = world.gateway.send("sales", "5511999990099", "hello?").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["message"], "Number 5511999990099 is not registered on WhatsApp");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_found_with_and_without_the_ninth_digit() {
    let world = World::paired().await;
    let without = "551199990002";
    let (status, answer) = world.gateway.send("sales", without, "whichever form").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["data"]["chat"]["jid"], format!("{BIA}@s.whatsapp.net"));
    world.whatsapp.wait_for_text(BIA, "whichever form").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_nobody_or_before_pairing() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let (status, answer) = world.gateway.send("sales", "", "hello").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["message"], "Number is required");
    let (status, answer) = world.gateway.send("sales", BIA, "hello").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["message"], "Instance is not connected to WhatsApp");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_whatsapp_is_an_error_with_its_code() {
    let world = World::paired().await;
    for (code, status) in [(463, 429), (429, 429), (479, 500)] {
        let fault = json!({ "number": ANA, "fault": "refuse", "code": code, "count": 1 });
        world.whatsapp.fault(fault).await;
        let (got, answer) = world.gateway.send("sales", BIA, "refused").await;
        assert_eq!(got.as_u16(), status, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!(message, format!("WhatsApp refused the message ({code})"));
    }
    let (status, answer) = world.gateway.send("sales", BIA, "accepted").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_acknowledgement_is_waited_for() {
    let world = World::paired().await;
    let fault = json!({ "number": ANA, "fault": "delay-ack", "ms": 700, "count": 1 });
    world.whatsapp.fault(fault).await;
    let (status, answer) = world.gateway.send("sales", BIA, "slowly").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_stands_for_an_acknowledgement_that_never_comes() {
    let world = World::paired().await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "hold-acks", "count": 1 })).await;
    let (status, answer) = world.gateway.send("sales", BIA, "unacknowledged").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "unacknowledged").await;
    world.receiver.wait_for_text("unacknowledged").await;
}

/// Takes the time in which the gateway finds out that nobody is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_nobody_acknowledges_is_an_error_and_its_key_sends_nothing_twice() {
    let world = World::paired().await;
    // With somebody known nothing has to be asked before the message itself is sent.
    let (status, answer) = world.gateway.send("sales", BIA, "heard").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.fault(json!({ "number": ANA, "fault": "stall", "ms": 600_000 })).await;
    let key = [("idempotency-key", "order-17")];
    let body = json!({ "number": BIA, "message": "unheard" });
    let path = "/api/message/text/sales";
    let call = || world.gateway.call_as(TOKEN, Method::POST, path, body.clone(), &key);
    let (status, answer) = call().await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{answer}");
    assert_eq!(answer["error"]["message"], "WhatsApp did not acknowledge the message");
    // The stalled connection is given up, with what the server had not read of it; the next one is not stalled.
    world.receiver.wait_for_state("disconnected").await;
    world.gateway.wait_for_state("sales", "connected").await;
    // It may have gone out all the same, so it is not sent again under that key; whoever wants to, sends anew.
    let (status, again) = call().await;
    assert_eq!((status, again), (StatusCode::GATEWAY_TIMEOUT, answer));
    let (status, answer) = world.gateway.send("sales", BIA, "unheard").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "unheard").await;
    let shown = world.whatsapp.messages(BIA).await;
    assert_eq!(shown.iter().filter(|m| m["text"] == "unheard").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_sends_one_message() {
    let world = World::paired().await;
    let key = [("idempotency-key", "order-18")];
    let body = json!({ "number": BIA, "message": "only once" });
    let path = "/api/message/text/sales";
    let call = |body| world.gateway.call_as(TOKEN, Method::POST, path, body, &key);
    let ((first, one), (second, two)) = tokio::join!(call(body.clone()), call(body.clone()));
    assert_eq!((first, second), (StatusCode::OK, StatusCode::OK), "{one} {two}");
    let (third, three) = call(body).await;
    assert_eq!(third, StatusCode::OK, "{three}");
    assert_eq!(one["data"]["messageId"], two["data"]["messageId"]);
    assert_eq!(one["data"]["messageId"], three["data"]["messageId"]);
    world.whatsapp.wait_for_text(BIA, "only once").await;
    let shown = world.whatsapp.messages(BIA).await;
    assert_eq!(shown.iter().filter(|m| m["text"] == "only once").count(), 1);
    let (status, answer) = call(json!({ "number": BIA, "message": "something else" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
}
