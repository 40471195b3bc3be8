//! Blocks of a new instance that cannot be used: the instance is made, the block is not.

use serde_json::{Value, json};
use wharf_http_ryze::{Config, UrlCheck};
use wharf_tests::TestGateway;

/// A body with this block, and a settings block that has to come through whatever becomes of it.
fn with(block: &Value, name: &str) -> Value {
    let mut body = json!({ "name": name, "ignoreStatus": true });
    body.as_object_mut().unwrap().extend(block.as_object().unwrap().clone());
    body
}

async fn each_comes_back_disabled(gateway: &TestGateway, block: &str, bodies: Vec<Value>) {
    for (number, body) in bodies.iter().enumerate() {
        let name = format!("{block}-{number}");
        let made = gateway.post("/api/instance/new", with(body, &name)).await.expect(201);
        assert_eq!(made["instance"][block]["enabled"], false, "{body}");
        assert_eq!(made["instance"]["settings"]["ignoreStatus"], true, "{body}");
        let path = format!("/api/instance/list?instanceName={name}");
        let listed = gateway.get(&path).await.expect(200);
        assert_eq!(listed["instances"][0][block]["enabled"], false, "{body}");
    }
}

#[tokio::test]
async fn a_webhook_that_cannot_be_used() {
    let gateway = TestGateway::start().await;
    let webhook = |url: Value| json!({ "webhookEnabled": true, "webhookURL": url });
    let mut unknown_event = webhook(json!("https://example.com"));
    unknown_event["webhookEvents"] = json!(["message.exchange", "message.gone"]);
    let mut two_lines = webhook(json!("https://example.com"));
    two_lines["webhookAuthorization"] = json!("a\nb");
    let bodies = vec![
        json!({ "webhookEnabled": true }),
        webhook(Value::Null),
        webhook(json!("")),
        webhook(json!("example.com")),
        webhook(json!("ftp://example.com")),
        webhook(json!("https://")),
        webhook(json!("https://user:pass@example.com")),
        webhook(json!(format!("https://example.com/{}", "x".repeat(10_000)))),
        unknown_event,
        two_lines,
    ];
    each_comes_back_disabled(&gateway, "webhook", bodies).await;
}

#[tokio::test]
async fn a_websocket_that_cannot_be_used() {
    let gateway = TestGateway::start().await;
    let bodies = vec![
        json!({ "websocketEnabled": true, "websocketEvents": ["message.gone"] }),
        json!({ "websocketEnabled": true, "websocketEvents": [""] }),
    ];
    each_comes_back_disabled(&gateway, "websocket", bodies).await;
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used() {
    let gateway = TestGateway::start().await;
    let full = json!({
        "s3Enabled": true, "s3Bucket": "media", "s3AccessKey": "AKIA", "s3SecretKey": "hidden",
    });
    let but = |key: &str, value: Value| {
        let mut body = full.clone();
        body[key] = value;
        body
    };
    let bodies = vec![
        json!({ "s3Enabled": true }),
        but("s3Bucket", json!("")),
        but("s3Bucket", Value::Null),
        but("s3AccessKey", json!(" ")),
        but("s3SecretKey", json!("x".repeat(256))),
        but("s3Endpoint", json!("s3.example.com")),
        but("s3Endpoint", json!("gopher://s3.example.com")),
        but("s3Endpoint", json!("https://user:pass@s3.example.com")),
        but("s3Bucket", json!("../other")),
        but("s3PathPrefix", json!("../..")),
        but("s3PathPrefix", json!("x".repeat(513))),
    ];
    each_comes_back_disabled(&gateway, "s3", bodies).await;
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used() {
    let gateway = TestGateway::start().await;
    let full = json!({
        "proxyEnabled": true, "proxyProtocol": "http", "proxyHost": "proxy.example.com",
        "proxyPort": "3128",
    });
    let but = |key: &str, value: Value| {
        let mut body = full.clone();
        body[key] = value;
        body
    };
    let bodies = vec![
        json!({ "proxyEnabled": true }),
        but("proxyProtocol", json!("gopher")),
        but("proxyHost", json!("")),
        but("proxyHost", json!("a b")),
        but("proxyPort", json!("0")),
        but("proxyPort", json!("65536")),
        but("proxyPort", json!("3128x")),
        but("proxyUsername", json!("x".repeat(256))),
        but("proxyPassword", json!("without anybody's name")),
    ];
    let count = bodies.len();
    each_comes_back_disabled(&gateway, "proxy", bodies).await;
    for number in 0..count {
        let path = format!("/api/instance/connect/proxy-{number}");
        let (status, message) = gateway.get(&path).await.refusal();
        assert_eq!(status, 500);
        let why = "Failed to connect: the proxy given at creation cannot be used (proxy";
        assert!(message.starts_with(why), "{message}");
    }
    assert_eq!(gateway.whatsapp.requests().len(), 0);
}

#[tokio::test]
async fn a_chatwoot_integration_that_cannot_be_used_says_why() {
    let gateway = TestGateway::start().await;
    let full = json!({
        "chatwootEnabled": true, "chatwootBaseUrl": "https://chat.example.com",
        "chatwootAccountId": 5, "chatwootApiToken": "hidden", "chatwootInboxName": "Sales",
        "chatwootSignMessages": true, "chatwootIgnoreGroups": false,
        "chatwootStartAsPending": false, "chatwootReopenResolved": true,
    });
    let but = |key: &str, value: Value| {
        let mut body = full.clone();
        body[key] = value;
        body
    };
    let url = "chatwootBaseUrl must be an http or https URL without credentials";
    let id = "chatwootAccountId must be greater than 0";
    let token = "chatwootApiToken must have 1 to 255 characters";
    for (number, (body, error)) in [
        (full.clone(), "The Chatwoot integration is not available on this server"),
        (json!({ "chatwootEnabled": true }), url),
        (but("chatwootBaseUrl", json!("chat.example.com")), url),
        (but("chatwootBaseUrl", json!("https://a:b@chat.example.com")), url),
        (but("chatwootAccountId", json!(0)), id),
        (but("chatwootAccountId", json!(-5)), id),
        (but("chatwootAccountId", Value::Null), id),
        (but("chatwootApiToken", json!(" ")), token),
        (but("chatwootApiToken", json!("x".repeat(256))), token),
        (
            but("chatwootInboxName", json!("x".repeat(256))),
            "chatwootInboxName must have at most 255 characters",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let made = gateway.post("/api/instance/new", with(&body, &format!("c-{number}"))).await;
        assert!(!made.text.contains("hidden"), "{}", made.text);
        let expected = json!({ "enabled": false, "status": "error", "error": error });
        assert_eq!(made.expect(201)["instance"]["chatwoot"], expected, "{body}");
    }
}

#[tokio::test]
async fn all_blocks_may_be_wrong_at_once() {
    let gateway = TestGateway::start().await;
    let body = json!({
        "name": "sales", "proxyEnabled": true, "webhookEnabled": true,
        "websocketEnabled": true, "websocketEvents": ["none"], "chatwootEnabled": true,
        "s3Enabled": true, "callRejectMessage": "x".repeat(2000),
    });
    let made = gateway.post("/api/instance/new", body).await.expect(201);
    for block in ["proxy", "webhook", "websocket", "chatwoot", "s3"] {
        assert_eq!(made["instance"][block]["enabled"], false, "{block}");
    }
    assert_eq!(made["instance"]["settings"]["disableHistorySync"], true);
}

#[tokio::test]
async fn a_block_of_other_types_makes_nothing() {
    let gateway = TestGateway::start().await;
    for block in [
        json!({ "proxyEnabled": "true" }),
        json!({ "proxyPort": 3128 }),
        json!({ "proxyHost": {} }),
        json!({ "webhookEnabled": 1 }),
        json!({ "webhookURL": ["https://example.com"] }),
        json!({ "webhookEvents": "message.exchange" }),
        json!({ "webhookEvents": [1] }),
        json!({ "webhookByEvents": "no" }),
        json!({ "websocketEnabled": "on" }),
        json!({ "websocketEvents": {} }),
        json!({ "chatwootAccountId": "5" }),
        json!({ "chatwootAccountId": 5.5 }),
        json!({ "chatwootAccountId": 1e30 }),
        json!({ "chatwootSignMessages": "yes" }),
        json!({ "autoRejectCalls": 0 }),
        json!({ "callRejectMessage": false }),
        json!({ "disableHistorySync": "false" }),
        json!({ "s3Enabled": [] }),
        json!({ "s3Bucket": 5 }),
        json!({ "token": 5 }),
    ] {
        let refused = gateway.post("/api/instance/new", with(&block, "sales")).await;
        assert_eq!(refused.refusal(), (400, "Invalid request body".to_owned()), "{block}");
    }
    assert_eq!(gateway.get("/api/instance/list").await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn addresses_that_are_off_limits_are_refused_in_every_block() {
    let refuses = |url: &str| {
        if url.contains("169.254.169.254") { Err("it is link-local".to_owned()) } else { Ok(()) }
    };
    let config = Config { url_check: UrlCheck::new(refuses), ..Config::default() };
    let gateway = TestGateway::with(config).await;
    let body = json!({
        "name": "sales",
        "proxyEnabled": true, "proxyProtocol": "http", "proxyHost": "169.254.169.254",
        "proxyPort": "80",
        "webhookEnabled": true, "webhookURL": "http://169.254.169.254/latest",
        "chatwootEnabled": true, "chatwootBaseUrl": "http://169.254.169.254",
        "chatwootAccountId": 5, "chatwootApiToken": "hidden",
        "s3Enabled": true, "s3Bucket": "media", "s3AccessKey": "AKIA", "s3SecretKey": "hidden",
        "s3Endpoint": "http://169.254.169.254",
    });
    let made = gateway.post("/api/instance/new", body).await.expect(201);
    for block in ["proxy", "webhook", "chatwoot", "s3"] {
        assert_eq!(made["instance"][block]["enabled"], false, "{block}");
    }
    assert_eq!(
        made["instance"]["chatwoot"]["error"],
        "chatwootBaseUrl is off limits: it is link-local"
    );
    let body = json!({ "url": "http://169.254.169.254/latest" });
    let refusal = gateway.post("/api/events/webhook/sales", body).await.refusal();
    assert_eq!(refusal, (400, "Invalid webhook url: is off limits: it is link-local".to_owned()));
}
