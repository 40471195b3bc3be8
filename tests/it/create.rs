use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_tests::{Answer, TestGateway};

async fn create(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/instance/new", body).await
}

#[tokio::test]
async fn a_name_is_enough() {
    let gateway = TestGateway::start().await;
    let made = create(&gateway, json!({ "name": "sales" })).await.expect(201);
    assert_json_snapshot!(made, { ".instance.id" => "[id]", ".instance.token" => "[token]" });
}

#[tokio::test]
async fn the_token_of_the_answer_opens_the_instance() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let own = gateway.holder(&token).get("/api/instance/list").await.expect(200);
    assert_eq!(own["instances"][0]["name"], "sales");
}

#[tokio::test]
async fn a_token_may_be_chosen() {
    let gateway = TestGateway::start().await;
    let made = create(&gateway, json!({ "name": "sales", "token": "chosen-1" })).await;
    assert_eq!(made.expect(201)["instance"]["token"], "chosen-1");
    gateway.holder("chosen-1").get("/api/instance/list").await.expect(200);
}

#[tokio::test]
async fn an_empty_token_is_none() {
    let gateway = TestGateway::start().await;
    let made = create(&gateway, json!({ "name": "sales", "token": "" })).await.expect(201);
    assert_ne!(made["instance"]["token"], "");
}

#[tokio::test]
async fn every_block_may_be_configured_at_once() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales",
        "token": "chosen-1",
        "proxyEnabled": true, "proxyProtocol": "socks5", "proxyHost": "proxy.example.com",
        "proxyPort": "1080", "proxyUsername": "user", "proxyPassword": "hidden one",
        "webhookEnabled": true, "webhookURL": "https://example.com/hook",
        "webhookAuthorization": "Bearer receiver", "webhookByEvents": true,
        "webhookEvents": ["message.exchange", "call.update"], "webhookMediaBase64": true,
        "websocketEnabled": true, "websocketEvents": ["message.exchange"],
        "websocketMediaBase64": true,
        "autoRejectCalls": true, "callRejectMessage": "No calls.", "ignoreGroupMessages": true,
        "keepOnlineStatus": true, "autoReadMessages": true, "disableHistorySync": false,
        "ignoreStatus": true,
        "s3Enabled": true, "s3Region": "eu-west-1", "s3Bucket": "media", "s3AccessKey": "AKIA",
        "s3SecretKey": "hidden two", "s3Endpoint": "https://s3.example.com",
        "s3PathPrefix": "media/",
    });
    let made = create(&gateway, body).await;
    assert!(!made.text.contains("hidden"), "{}", made.text);
    let made = made.expect(201);
    assert_json_snapshot!(made["instance"], { ".id" => "[id]" });
    let listed = gateway.get("/api/instance/list").await.expect(200)["instances"][0].take();
    for block in ["proxy", "webhook", "websocket", "settings", "s3", "chatwoot"] {
        assert_eq!(made["instance"][block], listed[block], "{block}");
    }
}

#[tokio::test]
async fn a_block_that_is_not_right_comes_back_disabled() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales",
        "webhookEnabled": true, "webhookURL": "ftp://example.com",
        "websocketEnabled": true, "websocketEvents": ["message.gone"],
        "s3Enabled": true, "s3Bucket": "",
    });
    let made = create(&gateway, body).await.expect(201);
    for block in ["webhook", "websocket", "s3"] {
        assert_eq!(made["instance"][block]["enabled"], false, "{block}");
    }
    let webhooks = gateway.get("/api/events/getWebhook/sales").await.expect(200);
    assert_eq!(webhooks["webhooks"], json!([]));
}

#[tokio::test]
async fn a_block_that_is_switched_off_is_not_looked_at() {
    let gateway = TestGateway::start().await;
    let body = json!({ "name": "sales", "webhookEnabled": false, "webhookURL": "nonsense" });
    let made = create(&gateway, body).await.expect(201);
    assert_eq!(made["instance"]["webhook"], json!({ "enabled": false, "url": null, "events": [] }));
}

#[tokio::test]
async fn a_chatwoot_block_says_that_it_cannot_be_had() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "chatwootEnabled": true, "chatwootBaseUrl": "https://chat.example.com",
        "chatwootAccountId": 5, "chatwootApiToken": "hidden",
    });
    let made = create(&gateway, body).await;
    assert!(!made.text.contains("hidden"), "{}", made.text);
    assert_json_snapshot!(made.expect(201)["instance"]["chatwoot"]);
}

#[tokio::test]
async fn fields_that_mean_nothing_are_passed_over() {
    let gateway = TestGateway::start().await;
    create(&gateway, json!({ "name": "sales", "colour": { "is": "blue" } })).await.expect(201);
}

#[tokio::test]
async fn a_name_that_is_missing_or_blank_is_asked_for() {
    let gateway = TestGateway::start().await;
    for body in [json!({}), json!({ "name": "" }), json!({ "name": "  " }), json!({ "name": null })]
    {
        let refusal = create(&gateway, body).await.refusal();
        assert_eq!(refusal, (400, "The 'name' field is required".to_owned()));
    }
}

#[tokio::test]
async fn a_name_that_no_url_can_carry_is_refused() {
    let gateway = TestGateway::start().await;
    for name in ["a/b", "a,b", " padded", "line\nfeed", "..", &"x".repeat(101)] {
        let (status, message) = create(&gateway, json!({ "name": name })).await.refusal();
        assert_eq!(status, 400, "{name}");
        assert!(message.starts_with("Invalid name: must "), "{message}");
    }
}

#[tokio::test]
async fn an_unusual_name_works_on_every_path() {
    let gateway = TestGateway::start().await;
    for (name, in_path) in [
        ("inst 1", "inst%201"),
        ("são joão", "s%C3%A3o%20jo%C3%A3o"),
        ("50%", "50%25"),
        ("a+b", "a+b"),
    ] {
        gateway.instance(name).await;
        let linked = gateway.get(&format!("/api/instance/connect/{in_path}")).await.expect(200);
        assert_eq!(linked["status"], "qr", "{name}");
        let deleted = gateway.delete(&format!("/api/instance/delete/{in_path}")).await;
        deleted.expect(200);
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused() {
    let gateway = TestGateway::start().await;
    let refusal = create(&gateway, json!({ "name": "sales", "token": "a b" })).await.refusal();
    let expected = "The 'token' field must be visible ASCII without spaces";
    assert_eq!(refusal, (400, expected.to_owned()));
}

#[tokio::test]
async fn a_taken_name_or_token_is_a_conflict() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let conflict = (409, "Instance or token already exists".to_owned());
    let body = json!({ "name": "sales" });
    assert_eq!(create(&gateway, body).await.refusal(), conflict);
    let body = json!({ "name": "support", "token": token });
    assert_eq!(create(&gateway, body).await.refusal(), conflict);
    let other = gateway.other_owner("other", None).await;
    let body = json!({ "name": "sales", "token": token });
    assert_eq!(other.post("/api/instance/new", body).await.refusal(), conflict);
    assert_eq!(gateway.get("/api/instance/list").await.expect(200)["meta"]["total"], 1);
}

#[tokio::test]
async fn of_many_who_race_for_a_name_one_gets_it() {
    let gateway = TestGateway::start().await;
    let racers = (0..8).map(|_| create(&gateway, json!({ "name": "sales" })));
    let mut statuses: Vec<_> =
        futures::future::join_all(racers).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_full_quota_is_a_refusal_until_there_is_room() {
    let gateway = TestGateway::start().await;
    let owner = gateway.other_owner("small", Some(1)).await;
    let path = "/api/instance/new";
    owner.post(path, json!({ "name": "one" })).await.expect(201);
    let refusal = owner.post(path, json!({ "name": "two" })).await.refusal();
    assert_eq!(refusal, (403, "Account instance quota exceeded".to_owned()));
    owner.delete("/api/instance/delete/one").await.expect(200);
    owner.post(path, json!({ "name": "two" })).await.expect(201);
}

#[tokio::test]
async fn a_body_of_other_types_is_refused_without_detail() {
    let gateway = TestGateway::start().await;
    let bodies = [
        json!({ "name": 5 }),
        json!({ "name": "a", "webhookEnabled": "yes" }),
        json!({ "name": "a", "webhookEvents": "message.exchange" }),
        json!({ "name": "a", "chatwootAccountId": "5" }),
        json!({ "name": "a", "proxyPort": 1080 }),
        json!([{ "name": "a" }]),
        json!("a"),
    ];
    for body in bodies {
        let refusal = create(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, "Invalid request body".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn with_a_proxy_that_is_not_right_nothing_connects_until_it_is_put_right() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "proxyEnabled": true, "proxyProtocol": "socks5",
        "proxyHost": "proxy.example.com", "proxyPort": "99999",
    });
    let made = create(&gateway, body).await.expect(201);
    assert_eq!(made["instance"]["proxy"]["enabled"], false);
    let refused = gateway.get("/api/instance/connect/sales").await.refusal();
    let expected = "Failed to connect: the proxy given at creation cannot be used \
                    (proxyPort must be a number from 1 to 65535)";
    assert_eq!(refused, (500, expected.to_owned()));
    assert_eq!(gateway.whatsapp.requests().len(), 0);

    gateway.post("/api/instance/proxy/sales", json!({ "enabled": false })).await.expect(200);
    assert_eq!(gateway.get("/api/instance/connect/sales").await.expect(200)["status"], "qr");
}

#[tokio::test]
async fn a_proxy_that_is_right_is_kept_and_its_protocol_may_be_shouted() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "proxyEnabled": true, "proxyProtocol": "SOCKS5",
        "proxyHost": "proxy.example.com", "proxyPort": "1080",
    });
    let made = create(&gateway, body).await.expect(201);
    assert_eq!(made["instance"]["proxy"]["protocol"], "socks5");
}

#[tokio::test]
async fn a_text_for_callers_that_is_too_long_is_left_out_of_the_settings() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "autoRejectCalls": true, "callRejectMessage": "x".repeat(1001),
    });
    let settings = create(&gateway, body).await.expect(201)["instance"]["settings"].take();
    assert_eq!(settings["autoRejectCalls"], true);
    assert_eq!(settings["callRejectMessage"], "");
}

#[tokio::test]
async fn a_body_has_to_be_an_object() {
    let gateway = TestGateway::start().await;
    for body in [json!([]), json!(["sales", null])] {
        let (status, _) = create(&gateway, body).await.refusal();
        assert_eq!(status, 400);
    }
}
