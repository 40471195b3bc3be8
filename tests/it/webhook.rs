use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_domain::{Timestamp, delivery::Outcome, ports::Clock as _};
use wharf_testkit::build;
use wharf_tests::{Answer, TestGateway};

async fn with_instance() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway
}

async fn set(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/events/webhook/sales", body).await
}

async fn get(gateway: &TestGateway, query: &str) -> Answer {
    gateway.owner().get(&format!("/api/events/getWebhook/sales{query}")).await
}

fn full(label: &str) -> Value {
    json!({
        "label": label,
        "enabled": true,
        "url": "https://example.com/hook",
        "authorization": "Bearer receiver",
        "byEvents": true,
        "events": ["call.update", "message.exchange"],
        "mediaBase64": true,
    })
}

fn moment(text: &Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

/// The same as it is shown.
fn shown(label: &str, signed: bool) -> Value {
    let mut webhook = full(label);
    webhook["signed"] = json!(signed);
    webhook
}

#[tokio::test]
async fn what_was_set_is_what_is_read_back() {
    let gateway = with_instance().await;
    let answer = set(&gateway, full("crm")).await.expect(200);
    assert_json_snapshot!(answer);
    assert_eq!(answer["webhook"], shown("crm", false));
    let read = get(&gateway, "?label=crm").await.expect(200);
    let expected = json!({
        "success": true, "message": "Webhook configuration retrieved",
        "webhook": shown("crm", false),
    });
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_url_is_enough() {
    let gateway = with_instance().await;
    let answer = set(&gateway, json!({ "enabled": true, "url": "http://10.0.0.7:9/h" })).await;
    assert_json_snapshot!(answer.expect(200)["webhook"]);
    let answer = set(&gateway, json!({ "url": "http://10.0.0.7:9/h" })).await;
    assert_eq!(answer.expect(200)["webhook"]["enabled"], true);
}

#[tokio::test]
async fn a_url_is_read_back_as_it_was_written() {
    let gateway = with_instance().await;
    for url in ["https://example.com", "http://Example.com:80/a b?x=1#y"] {
        let answer = set(&gateway, json!({ "url": url })).await.expect(200);
        assert_eq!(answer["webhook"]["url"], url);
        assert_eq!(get(&gateway, "?label=").await.expect(200)["webhook"]["url"], url);
    }
}

#[tokio::test]
async fn a_label_is_written_over() {
    let gateway = with_instance().await;
    set(&gateway, full("default")).await.expect(200);
    set(&gateway, json!({ "url": "https://example.com/other" })).await.expect(200);
    let read = get(&gateway, "").await.expect(200);
    assert_eq!(read["webhooks"].as_array().unwrap().len(), 1);
    assert_eq!(read["webhooks"][0]["url"], "https://example.com/other");
    assert_eq!(read["webhooks"][0]["authorization"], Value::Null);
}

#[tokio::test]
async fn all_webhooks_are_listed_by_label_disabled_ones_too() {
    let gateway = with_instance().await;
    assert_eq!(get(&gateway, "").await.expect(200)["webhooks"], json!([]));
    for label in ["b", "c", "a"] {
        set(&gateway, full(label)).await.expect(200);
    }
    set(&gateway, json!({ "label": "c", "enabled": false })).await.expect(200);
    let read = get(&gateway, "").await.expect(200);
    let labels: Vec<_> =
        read["webhooks"].as_array().unwrap().iter().map(|one| one["label"].clone()).collect();
    assert_eq!(labels, ["a", "b", "c"]);
    assert_json_snapshot!(read["webhooks"][2]);
}

#[tokio::test]
async fn the_alias_reads_the_same() {
    let gateway = with_instance().await;
    set(&gateway, full("default")).await.expect(200);
    for query in ["", "?label=", "?label=default", "?label=nothing"] {
        let read = get(&gateway, query).await;
        let by_alias = gateway.owner().get(&format!("/api/events/webhook/sales{query}")).await;
        assert_eq!((read.status, read.json()), (by_alias.status, by_alias.json()));
    }
    let owner = gateway.owner();
    owner.get("/api/events/getWebhook/sales").await.expect(200);
    owner.get("/api/events/webhook/sales").await.expect(200);
}

#[tokio::test]
async fn an_empty_label_is_the_default_one_and_an_unknown_one_is_not_found() {
    let gateway = with_instance().await;
    let missing = (404, "Webhook not found".to_owned());
    assert_eq!(get(&gateway, "?label=").await.refusal(), missing);
    set(&gateway, full("default")).await.expect(200);
    assert_eq!(get(&gateway, "?label=").await.expect(200)["webhook"]["label"], "default");
    assert_eq!(get(&gateway, "?label=crm").await.refusal(), missing);
}

#[tokio::test]
async fn a_fourth_enabled_webhook_is_one_too_many() {
    let gateway = with_instance().await;
    for label in ["a", "b", "c"] {
        set(&gateway, full(label)).await.expect(200);
    }
    let expected = "Maximum of 3 enabled webhooks reached for this instance";
    assert_eq!(set(&gateway, full("d")).await.refusal(), (409, expected.to_owned()));
    set(&gateway, full("a")).await.expect(200);
    set(&gateway, json!({ "label": "d", "enabled": false })).await.expect(200);
    set(&gateway, json!({ "label": "a", "enabled": false })).await.expect(200);
    set(&gateway, full("d")).await.expect(200);
}

#[tokio::test]
async fn what_is_not_right_is_named() {
    let gateway = with_instance().await;
    for (body, message) in [
        (json!({}), "The 'url' field is required"),
        (json!({ "enabled": true, "url": " " }), "The 'url' field is required"),
        (
            json!({ "url": "ftp://example.com" }),
            "Invalid webhook url: must begin with http:// or https://",
        ),
        (json!({ "url": "example" }), "Invalid webhook url: relative URL without a base"),
        (
            json!({ "url": "https://user:pass@example.com" }),
            "Invalid webhook url: must not contain credentials, use `authorization`",
        ),
        (
            json!({ "url": "https://example.com", "secret": "whsec_!" }),
            "Invalid webhook secret: must be base64 after `whsec_`",
        ),
        (
            json!({ "url": "https://example.com", "events": ["message.gone"] }),
            "Unknown event: message.gone. Valid events: message.exchange, message.status, \
             call.update, group.flow, instance.state, label.update",
        ),
    ] {
        assert_eq!(set(&gateway, body).await.refusal(), (400, message.to_owned()));
    }
    assert_eq!(get(&gateway, "").await.expect(200)["webhooks"], json!([]));
}

#[tokio::test]
async fn a_body_of_other_types_is_refused_without_detail() {
    let gateway = with_instance().await;
    for body in [json!({ "url": 5 }), json!({ "url": "http://a", "events": "all" }), json!([])] {
        let refusal = set(&gateway, body).await.refusal();
        assert_eq!(refusal, (400, "Invalid request body".to_owned()));
    }
}

#[tokio::test]
async fn a_signing_secret_is_never_given_back() {
    let gateway = with_instance().await;
    let mut body = full("default");
    body["secret"] = json!("whsec_aGlkZGVu");
    let answer = set(&gateway, body).await;
    assert!(!answer.text.contains("whsec"), "{}", answer.text);
    assert_eq!(answer.expect(200)["webhook"], shown("default", true));
    assert!(!get(&gateway, "").await.text.contains("whsec"));
}

#[tokio::test]
async fn a_secret_stays_until_it_is_replaced_or_taken_away() {
    let gateway = with_instance().await;
    let with_secret = |secret: Value| {
        let mut body = full("default");
        body["secret"] = secret;
        body
    };
    set(&gateway, with_secret(json!("hidden"))).await.expect(200);
    let signed = async || get(&gateway, "").await.expect(200)["webhooks"][0]["signed"].clone();
    assert_eq!(signed().await, true);
    set(&gateway, full("default")).await.expect(200);
    assert_eq!(signed().await, true, "left out, it stays");
    for nothing in [Value::Null, json!("")] {
        set(&gateway, with_secret(json!("hidden"))).await.expect(200);
        assert_eq!(signed().await, true);
        set(&gateway, with_secret(nothing)).await.expect(200);
        assert_eq!(signed().await, false);
    }
    let (status, message) = set(&gateway, with_secret(json!("x".repeat(513)))).await.refusal();
    assert_eq!(
        (status, message.as_str()),
        (400, "Invalid webhook secret: must have at most 512 bytes")
    );
}

#[tokio::test]
async fn switching_off_what_was_never_there_leaves_nothing_behind() {
    let gateway = with_instance().await;
    let answer = set(&gateway, json!({ "label": "crm", "enabled": false })).await.expect(200);
    assert_eq!(answer["webhook"]["enabled"], false);
    assert_eq!(get(&gateway, "").await.expect(200)["webhooks"], json!([]));
    assert_eq!(get(&gateway, "?label=crm").await.status, 404);
}

#[tokio::test]
async fn a_deleted_webhook_is_gone() {
    let gateway = with_instance().await;
    set(&gateway, full("default")).await.expect(200);
    set(&gateway, full("crm")).await.expect(200);
    let owner = gateway.owner();
    let answer = owner.delete("/api/events/webhook/sales?label=crm").await.expect(200);
    assert_eq!(answer, json!({ "success": true, "message": "Webhook deleted" }));
    let again = owner.delete("/api/events/webhook/sales?label=crm").await.refusal();
    assert_eq!(again, (404, "Webhook not found".to_owned()));
    let unnamed = owner.delete("/api/events/webhook/sales?Label=crm").await.refusal();
    assert_eq!(unnamed, (400, "The 'label' field is required".to_owned()));
    owner.delete("/api/events/webhook/sales?label=").await.expect(200);
    assert_eq!(get(&gateway, "").await.expect(200)["webhooks"], json!([]));
}

#[tokio::test]
async fn the_webhook_of_the_creation_is_the_default_one() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "webhookEnabled": true, "webhookURL": "https://example.com/hook",
        "webhookAuthorization": "Bearer receiver",
    });
    gateway.post("/api/instance/new", body).await.expect(201);
    let read = get(&gateway, "?label=default").await.expect(200);
    assert_eq!(read["webhook"]["authorization"], "Bearer receiver");
}

#[tokio::test]
async fn a_replaced_secret_signs_for_a_day_more() {
    let gateway = with_instance().await;
    let set_secret = async |secret: Value| {
        let mut body = full("default");
        body["secret"] = secret;
        set(&gateway, body).await.expect(200)["webhook"].take()
    };
    let first = set_secret(json!("first")).await;
    assert_eq!(first, shown("default", true), "there was none before");
    assert_eq!(set_secret(json!("first")).await, first, "it is the same");
    let second = set_secret(json!("second")).await;
    let until = gateway.clock.now() + Duration::from_hours(24);
    assert_eq!(moment(&second["previousSecretUntil"]), until);
    let kept = set(&gateway, full("default")).await.expect(200);
    assert_eq!(kept["webhook"], second, "left out, both stay");
    assert_eq!(set_secret(Value::Null).await, shown("default", false), "both are forgotten");
}

#[tokio::test]
async fn a_receiver_that_wants_nothing_more_disables_its_webhook_until_it_is_set_anew() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let body = json!({ "url": "https://example.com/hook", "events": ["message.exchange"] });
    set(&gateway, body.clone()).await.expect(200);
    let gone = Outcome::Gone { reason: "the receiver answered 410 Gone".to_owned() };
    gateway.sink.answer_next(gone);
    session.receive(build::incoming(&build::phone("5511999990001"), "hello")).await.unwrap();
    let stopped = loop {
        let shown = get(&gateway, "?label=default").await.expect(200)["webhook"].take();
        if shown["enabled"] == false {
            break shown;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(stopped["url"], Value::Null);
    assert_eq!(stopped["disabledReason"], "the receiver answered 410 Gone");
    assert_eq!(moment(&stopped["disabledAt"]), gateway.clock.now());
    let anew = set(&gateway, body).await.expect(200);
    assert_eq!(
        [&anew["webhook"]["disabledReason"], &anew["webhook"]["disabledAt"]],
        [&Value::Null; 2]
    );
    // What it did not want then was held, and it gets it now.
    let attempts = gateway.sink.until_attempts(2);
    let attempts = gateway.while_time_passes(Duration::from_mins(1), attempts).await;
    assert_eq!(attempts[0].event.id, attempts[1].event.id);
}
