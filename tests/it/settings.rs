use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_tests::{Answer, TestGateway};

async fn with_instance() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway
}

async fn set(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/instance/settings/sales", body).await
}

async fn get(gateway: &TestGateway) -> Value {
    gateway.owner().get("/api/instance/getSettings/sales").await.expect(200)
}

#[tokio::test]
async fn a_fresh_instance_has_the_contracts_defaults() {
    assert_json_snapshot!(get(&with_instance().await).await);
}

#[tokio::test]
async fn what_is_sent_is_changed_and_the_rest_stays() {
    let gateway = with_instance().await;
    let body = json!({ "autoRejectCalls": true, "callRejectMessage": "No calls, please." });
    set(&gateway, body).await.expect(200);
    let changed = set(&gateway, json!({ "ignoreGroupMessages": true, "colour": 5 })).await;
    let changed = changed.expect(200);
    assert_json_snapshot!(changed);
    assert_eq!(get(&gateway).await["settings"], changed["settings"]);
    let listed = gateway.get("/api/instance/list").await.expect(200);
    assert_eq!(listed["instances"][0]["settings"], changed["settings"]);
}

#[tokio::test]
async fn changes_of_different_settings_at_once_both_stay() {
    let gateway = with_instance().await;
    let (one, two) = tokio::join!(
        set(&gateway, json!({ "autoReadMessages": true })),
        set(&gateway, json!({ "ignoreStatus": true })),
    );
    one.expect(200);
    two.expect(200);
    let settings = get(&gateway).await["settings"].take();
    assert_eq!(
        (&settings["autoReadMessages"], &settings["ignoreStatus"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn being_online_shows_in_the_list_at_once() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let presence = async || {
        let listed = gateway.get("/api/instance/list").await.expect(200);
        listed["instances"][0]["connection"]["presenceStatus"].clone()
    };
    assert_eq!(presence().await, "unavailable");
    set(&gateway, json!({ "keepOnlineStatus": true })).await.expect(200);
    let shown = async {
        while presence().await != "available" {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), shown).await.expect("it is online");
}

#[tokio::test]
async fn nothing_to_change_is_refused() {
    let gateway = with_instance().await;
    let expected = (400, "At least one setting must be provided".to_owned());
    for body in [json!({}), json!({ "colour": "blue" }), json!({ "ignoreStatus": null })] {
        assert_eq!(set(&gateway, body).await.refusal(), expected);
    }
}

#[tokio::test]
async fn what_is_not_right_changes_nothing() {
    let gateway = with_instance().await;
    let before = get(&gateway).await;
    for body in [
        json!({ "ignoreStatus": "yes" }),
        json!({ "ignoreStatus": true, "autoReadMessages": 1 }),
        json!({ "callRejectMessage": 5 }),
        json!([]),
        json!("settings"),
    ] {
        let refusal = set(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, "Invalid request body".to_owned()), "{body}");
    }
    let long = json!({ "ignoreStatus": true, "callRejectMessage": "x".repeat(1001) });
    let expected = "Invalid callRejectMessage: must have at most 1000 characters";
    assert_eq!(set(&gateway, long).await.refusal(), (400, expected.to_owned()));
    let nul = json!({ "callRejectMessage": "\0" });
    let expected = "Invalid callRejectMessage: must not contain a NUL character";
    assert_eq!(set(&gateway, nul).await.refusal(), (400, expected.to_owned()));
    assert_eq!(get(&gateway).await, before);
}

#[tokio::test]
async fn a_database_that_is_down_is_told_in_the_words_of_the_route() {
    let gateway = with_instance().await;
    gateway.store.set_failing(true);
    for (method, path, message) in [
        ("GET", "getSettings", "Failed to get settings configuration"),
        ("POST", "settings", "Failed to update settings configuration"),
        ("GET", "getProxy", "Failed to get proxy configuration"),
        ("POST", "proxy", "Failed to update proxy configuration"),
        ("GET", "getS3", "Failed to get S3 configuration"),
        ("POST", "s3", "Failed to update S3 configuration"),
        ("GET", "metrics", "Failed to get metrics"),
    ] {
        let path = format!("/api/instance/{path}/sales");
        let refusal = gateway.owner().call(method, &path).await.refusal();
        assert_eq!(refusal, (500, message.to_owned()), "{path}");
    }
    let refusal = gateway.get("/api/events/getWebsocket/sales").await.refusal();
    assert_eq!(refusal, (500, "Failed to get websocket configuration".to_owned()));
}
