//! Webhooks that are tried out.

use serde_json::{Value, json};
use wharf_domain::delivery::Outcome;
use wharf_tests::{Answer, TestGateway};

async fn with_webhook() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let body = json!({ "url": "https://example.com/hook", "events": ["label.update"] });
    gateway.post("/api/events/webhook/sales", body).await.expect(200);
    gateway
}

async fn test(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/events/test/sales", body).await
}

#[tokio::test]
async fn a_webhook_that_works_says_so() {
    let gateway = with_webhook().await;
    let answer = test(&gateway, json!({ "label": "default" })).await.expect(200);
    assert_eq!(answer, json!({ "success": true, "status": 200, "ms": 0, "error": null }));
    let probe = gateway.sink.probes().remove(0);
    assert_eq!(probe.target.url.as_str(), "https://example.com/hook");
    assert_eq!(probe.instance.as_str(), "sales");
    assert_eq!(gateway.sink.attempts().len(), 0, "it is no event of the log");
    let deliveries = gateway.get("/api/events/deliveries/sales").await.expect(200);
    assert_eq!(deliveries["deliveries"], json!([]));
}

#[tokio::test]
async fn a_webhook_that_does_not_work_says_why() {
    let gateway = with_webhook().await;
    let refused = Outcome::Retry { reason: "connection refused".to_owned(), after: None };
    gateway.sink.answer_next(refused);
    let answer = test(&gateway, json!({})).await.expect(200);
    assert_eq!(answer["success"], true, "the test was made");
    assert_eq!(answer["error"], "connection refused");
    assert_eq!(gateway.sink.probes().len(), 1, "it is not tried again");
}

#[tokio::test]
async fn without_a_body_the_default_webhook_is_tried() {
    let gateway = with_webhook().await;
    let owner = gateway.owner();
    owner.call("POST", "/api/events/test/sales").await.expect(200);
    owner.post("/api/events/test/sales", json!({ "label": "" })).await.expect(200);
    assert_eq!(gateway.sink.probes().len(), 2);
}

#[tokio::test]
async fn a_webhook_that_is_not_there_or_disabled_cannot_be_tried() {
    let gateway = with_webhook().await;
    let unknown = test(&gateway, json!({ "label": "crm" })).await.refusal();
    assert_eq!(unknown, (404, "Webhook not found".to_owned()));
    let body = json!({ "enabled": false });
    gateway.post("/api/events/webhook/sales", body).await.expect(200);
    let disabled = test(&gateway, json!({})).await.refusal();
    assert_eq!(disabled, (400, "Invalid label: the webhook of this label is disabled".to_owned()));
    let wrong = test(&gateway, json!({ "label": 5 })).await.refusal();
    assert!(wrong.1.starts_with("Invalid request body: label: "), "{wrong:?}");
    let broken = gateway.owner().post_text("/api/events/test/sales", "label=crm").await.refusal();
    assert_eq!(broken, (400, "Invalid request body: must be a JSON object".to_owned()));
    assert_eq!(gateway.sink.probes().len(), 0);
}
