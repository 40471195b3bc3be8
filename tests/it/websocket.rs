use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_tests::{Answer, TestGateway};

async fn with_instance() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway
}

async fn set(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/events/websocket/sales", body).await
}

async fn get(gateway: &TestGateway) -> Answer {
    gateway.owner().get("/api/events/getWebsocket/sales").await
}

fn full() -> Value {
    json!({ "enabled": true, "events": ["call.update", "message.exchange"], "mediaBase64": true })
}

#[tokio::test]
async fn one_that_was_never_set_up_is_not_found() {
    let refusal = get(&with_instance().await).await.refusal();
    assert_eq!(refusal, (404, "WebSocket not configured for this instance".to_owned()));
}

#[tokio::test]
async fn what_was_set_is_what_is_read_back() {
    let gateway = with_instance().await;
    let answer = set(&gateway, full()).await.expect(200);
    assert_json_snapshot!(answer);
    assert_eq!(answer["websocket"], full());
    let read = get(&gateway).await.expect(200);
    assert_json_snapshot!(read);
    let listed = gateway.get("/api/instance/list").await.expect(200);
    assert_eq!(listed["instances"][0]["websocket"], full());
}

#[tokio::test]
async fn switched_off_it_is_empty_and_still_there() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    let off = json!({ "enabled": false, "events": [], "mediaBase64": false });
    let mut body = full();
    body["enabled"] = json!(false);
    assert_eq!(set(&gateway, body).await.expect(200)["websocket"], off);
    assert_eq!(get(&gateway).await.expect(200)["websocket"], off);
}

#[tokio::test]
async fn no_events_are_all_of_them() {
    let gateway = with_instance().await;
    let answer = set(&gateway, json!({ "enabled": true })).await.expect(200);
    let expected = json!({ "enabled": true, "events": [], "mediaBase64": false });
    assert_eq!(answer["websocket"], expected);
}

#[tokio::test]
async fn what_is_not_right_is_named_and_nothing_is_stored() {
    let gateway = with_instance().await;
    let unknown = "Unknown event: message.gone. Valid events: message.exchange, message.status, \
                   call.update, group.flow, instance.state, label.update";
    for (body, message) in [
        (json!({ "enabled": true, "events": ["message.gone"] }), unknown),
        (json!({ "enabled": "yes" }), "Invalid request body"),
        (json!({ "enabled": true, "events": "message.exchange" }), "Invalid request body"),
        (json!({ "enabled": true, "events": [5] }), "Invalid request body"),
        (json!([]), "Invalid request body"),
    ] {
        let refusal = set(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, message.to_owned()), "{body}");
    }
    assert_eq!(get(&gateway).await.status, 404);
}
