//! Whatever is sent to the routes of instances, nothing breaks and nothing is half made.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{BIA, Options, World, files, gateway::TOKEN};

/// How many requests are made.
const REQUESTS: usize = 400;

/// The names the routes know, so that values get past the look-up of names.
const FIELDS: &[&str] = &[
    "name",
    "token",
    "enabled",
    "proxyEnabled",
    "proxyHost",
    "proxyPort",
    "proxyProtocol",
    "proxyUsername",
    "proxyPassword",
    "webhookEnabled",
    "webhookURL",
    "webhookAuthorization",
    "webhookByEvents",
    "webhookEvents",
    "webhookMediaBase64",
    "websocketEnabled",
    "websocketEvents",
    "websocketMediaBase64",
    "chatwootEnabled",
    "chatwootBaseUrl",
    "chatwootAccountId",
    "chatwootApiToken",
    "autoRejectCalls",
    "callRejectMessage",
    "ignoreGroupMessages",
    "keepOnlineStatus",
    "autoReadMessages",
    "disableHistorySync",
    "ignoreStatus",
    "s3Enabled",
    "s3Region",
    "s3Bucket",
    "s3AccessKey",
    "s3SecretKey",
    "s3Endpoint",
    "s3PathPrefix",
    "host",
    "port",
    "protocol",
    "username",
    "password",
    "region",
    "bucket",
    "accessKey",
    "secretKey",
    "endpoint",
    "pathPrefix",
    "label",
    "url",
    "events",
    "mediaBase64",
    "number",
];

const ROUTES: &[(&str, &str)] = &[
    ("POST", "/api/instance/new"),
    ("POST", "/api/instance/new"),
    ("POST", "/api/instance/settings/{}"),
    ("POST", "/api/instance/proxy/{}"),
    ("POST", "/api/instance/s3/{}"),
    ("POST", "/api/instance/reconnect/{}"),
    ("POST", "/api/instance/connectLink/{}"),
    ("POST", "/api/events/webhook/{}"),
    ("POST", "/api/events/websocket/{}"),
    ("POST", "/connect/{}"),
    ("GET", "/api/instance/getSettings/{}"),
    ("GET", "/api/instance/getProxy/{}"),
    ("GET", "/api/instance/getS3/{}"),
    ("GET", "/api/instance/metrics/{}"),
    ("GET", "/api/instance/list?instanceName={}"),
    ("GET", "/connect/{}/state"),
    ("GET", "/connect/{}?link={}"),
    ("DELETE", "/api/instance/connect/{}"),
    ("DELETE", "/api/instance/logout/{}"),
    ("DELETE", "/api/instance/delete/{}"),
];

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just("x".repeat(70_000)).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What could stand in some field.
fn plausible() -> impl Strategy<Value = Value> {
    let texts = [
        "sales",
        "http",
        "ftp",
        "socks5",
        "127.0.0.1",
        "::1",
        "0",
        "1",
        "65535",
        "65536",
        "",
        "http://127.0.0.1:1/hook",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "https://",
        "message.exchange",
        "us-east-1",
        "../..",
        "a/b",
        "%00",
        "\u{0}",
        "ção",
        "5511999990001",
    ];
    prop_oneof![
        proptest::sample::select(texts.to_vec()).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!(["message.exchange", "call.update"])),
        Just(json!([])),
        anything(),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let known = btree_map(proptest::sample::select(FIELDS), plausible(), 0..10);
    let known = known.prop_map(|map| {
        Value::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    prop_oneof![4 => known, 1 => anything()]
}

fn segment() -> impl Strategy<Value = String> {
    let odd = ["sales", "sales", "sales", "shop", "%20", "%00", "a%2Fb", "..%2F..", "%F0%9F%92%A9"];
    prop_oneof![
        4 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9_-]{1,120}",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_nothing_breaks_and_nothing_is_half_made() {
    send_at_random(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn whatever_is_sent_nothing_breaks_and_nothing_is_half_made_on_postgresql() {
    send_at_random(Options::postgres()).await;
}

async fn send_at_random(options: Options) {
    let world = World::with(options).await;
    let mut runner = TestRunner::deterministic();
    let request = (proptest::sample::select(ROUTES), segment(), body());
    for _ in 0..REQUESTS {
        let ((method, path), segment, body) = request.new_tree(&mut runner).unwrap().current();
        // So that there is always something to speak of.
        ensure_sales(&world).await;
        let before = names(&world).await;
        let path = path.replace("{}", &segment);
        let body = if method == "POST" { body } else { Value::Null };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (status, answer) = world.gateway.call_as(TOKEN, method, &path, body.clone(), &[]).await;
        let asked = format!("{path} {body} gave {status} {answer}");
        let named = status == StatusCode::INTERNAL_SERVER_ERROR
            && answer["error"]["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("Failed to "));
        assert!(!status.is_server_error() || named, "{asked}");
        let told = answer["success"] == status.is_success();
        assert!(told || path.starts_with("/connect/"), "{asked}");
        if path == "/api/instance/new" && status != StatusCode::CREATED {
            assert_eq!(names(&world).await, before, "half made: {asked}");
        }
    }
    for name in names(&world).await {
        let (status, answer) = world.gateway.get(&format!("/api/instance/getS3/{name}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let (status, answer) = world.gateway.delete(&format!("/api/instance/delete/{name}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert!(!world.gateway.log().contains("panicked"), "{}", world.gateway.log());
}

/// PostgreSQL's texts cannot hold what JSON's can.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_zero_character_in_any_text_is_no_failure_of_the_database() {
    let world = World::paired_with(Options::postgres()).await;
    let picture = files::base64(&files::picture(9, 9));
    for (path, whole) in [
        ("/api/instance/new", json!({ "name": "one", "token": "a-token-of-its-own" })),
        (
            "/api/instance/new",
            json!({
                "name": "two", "proxyEnabled": true, "proxyHost": "127.0.0.1", "proxyPort": "1",
                "proxyProtocol": "http", "proxyUsername": "u", "proxyPassword": "p",
                "callRejectMessage": "no"
            }),
        ),
        ("/api/instance/settings/sales", json!({ "callRejectMessage": "no" })),
        (
            "/api/instance/proxy/sales",
            json!({
                "enabled": true, "host": "127.0.0.1", "port": "1", "protocol": "http",
                "username": "u", "password": "p"
            }),
        ),
        (
            "/api/instance/s3/sales",
            json!({
                "enabled": true, "region": "us-east-1", "bucket": "media", "accessKey": "a",
                "secretKey": "s", "endpoint": "http://127.0.0.1:1", "pathPrefix": "p"
            }),
        ),
        (
            "/api/events/webhook/sales",
            json!({
                "label": "default", "enabled": true, "url": world.receiver.url(),
                "authorization": "a", "secret": "s"
            }),
        ),
        (
            "/api/message/text/sales",
            json!({ "number": BIA, "message": "hello", "source": "crm", "replyTo": "3EB0AA" }),
        ),
        (
            "/api/message/media/sales",
            json!({
                "number": BIA, "mediaType": "document", "mediaBase64": picture, "fileName": "a",
                "message": "see", "mimeType": "image/png", "source": "crm"
            }),
        ),
    ] {
        for (field, value) in whole.as_object().unwrap() {
            let Some(text) = value.as_str() else { continue };
            let mut spoilt = whole.clone();
            spoilt[field] = format!("{text}\u{0}").into();
            let (status, answer) = world.gateway.call(Method::POST, path, spoilt).await;
            assert!(!status.is_server_error(), "{path} {field}: {status} {answer}");
        }
    }
}

async fn ensure_sales(world: &World) {
    let body = json!({ "name": "sales" });
    let (status, answer) = world.gateway.call(Method::POST, "/api/instance/new", body).await;
    assert!(status == StatusCode::CREATED || status == StatusCode::CONFLICT, "{answer}");
}

/// The names of all instances, each of them whole.
async fn names(world: &World) -> Vec<String> {
    let (status, answer) = world.gateway.get("/api/instance/list").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let instances = answer["instances"].as_array().unwrap();
    for instance in instances {
        for block in ["proxy", "webhook", "websocket", "chatwoot", "settings", "s3", "connection"] {
            assert!(instance[block].is_object(), "no {block} in {instance}");
        }
    }
    let mut names: Vec<_> =
        instances.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}
