//! Whatever is sent: no failure that is ours, and no instance that is half made.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
};

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    test_runner::{Config as Cases, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};
use wharf_tests::{Answer, TestGateway};

const CASES: u32 = 400;
/// What the cases are made of, unless `WHARF_SEED` says otherwise.
const SEED: &str = "wharf";

/// Bodies that are right, one for every route that takes one.
fn right() -> Vec<(&'static str, Value)> {
    let number = "5511999990001";
    vec![
        (
            "/api/instance/new",
            json!({
                "name": "made", "token": "chosen-1",
                "proxyEnabled": true, "proxyProtocol": "socks5", "proxyHost": "proxy.example.com",
                "proxyPort": "1080", "proxyUsername": "user", "proxyPassword": "secret",
                "webhookEnabled": true, "webhookURL": "https://example.com/hook",
                "webhookAuthorization": "Bearer a", "webhookByEvents": true,
                "webhookEvents": ["message.exchange"], "webhookMediaBase64": true,
                "websocketEnabled": true, "websocketEvents": [], "websocketMediaBase64": false,
                "chatwootEnabled": true, "chatwootBaseUrl": "https://chat.example.com",
                "chatwootAccountId": 5, "chatwootApiToken": "secret", "chatwootInboxName": "a",
                "autoRejectCalls": true, "callRejectMessage": "No calls.",
                "disableHistorySync": false, "ignoreStatus": true,
                "s3Enabled": true, "s3Region": "eu-west-1", "s3Bucket": "media",
                "s3AccessKey": "AKIA", "s3SecretKey": "secret",
                "s3Endpoint": "https://s3.example.com", "s3PathPrefix": "media/",
            }),
        ),
        (
            "/api/instance/settings/sales",
            json!({ "autoRejectCalls": true, "callRejectMessage": "No.", "ignoreStatus": false }),
        ),
        (
            "/api/instance/proxy/sales",
            json!({
                "enabled": true, "host": "proxy.example.com", "port": "1080",
                "protocol": "http", "username": "user", "password": "secret",
            }),
        ),
        (
            "/api/instance/s3/sales",
            json!({
                "enabled": true, "region": "eu-west-1", "bucket": "media", "accessKey": "AKIA",
                "secretKey": "secret", "endpoint": "https://s3.example.com", "pathPrefix": "a",
            }),
        ),
        (
            "/api/events/webhook/sales",
            json!({
                "label": "crm", "enabled": true, "url": "https://example.com/hook",
                "authorization": "Bearer a", "secret": "whsec_aGlkZGVu", "byEvents": true,
                "events": ["instance.state"], "mediaBase64": false,
            }),
        ),
        (
            "/api/events/websocket/sales",
            json!({ "enabled": true, "events": ["call.update"], "mediaBase64": true }),
        ),
        (
            "/api/events/replay/sales",
            json!({ "label": "crm", "since": "2026-04-28T10:30:00Z", "state": "dead" }),
        ),
        ("/api/events/test/sales", json!({ "label": "crm" })),
        ("/api/instance/connectLink/sales", json!({})),
        (
            "/api/message/media/sales",
            json!({
                "number": number, "mediaType": "audio", "mediaBase64": "T2dnUyBzb3VuZA==",
                "message": "listen", "mimeType": "audio/ogg", "fileName": "a.ogg",
                "isVoice": true, "duration": 3.5, "waveform": [0, 50, 100], "source": "crm",
            }),
        ),
        (
            "/api/message/sticker/sales",
            json!({ "number": number, "imageUrl": "data:image/png;base64,iVBORw0KGgo=" }),
        ),
    ]
}

/// Texts that have made trouble somewhere.
fn text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "",
        " ",
        "\0",
        "a\nb",
        "../..",
        "%00",
        "null",
        "true",
        "-1",
        "0",
        "65536",
        "1e309",
        "😀",
        "\u{202e}",
        "<script>",
        "' OR 1=1",
        "http://",
        "https://[::1",
        "file:///etc/passwd",
        "http://169.254.169.254",
        "data:;base64,",
        "data:image/png;base64,%%%",
        "5511999990001",
        "@g.us",
        "5@s.whatsapp.net",
        "status@broadcast",
        "message.exchange",
        "whsec_",
        "9999999999",
    ];
    prop_oneof![
        4 => prop::sample::select(ODD).prop_map(str::to_owned),
        3 => ".{0,40}",
        1 => (1_usize..70_000).prop_map(|length| "x".repeat(length)),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What is done to a body that is right.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Replace(Vec<(prop::sample::Index, Value)>),
    Remove(Vec<prop::sample::Index>),
    Everything(Value),
    Cut(prop::sample::Index),
    Garble(prop::sample::Index, char),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Nothing),
        8 => vec((any::<prop::sample::Index>(), any_json()), 1..4).prop_map(Change::Replace),
        2 => vec(any::<prop::sample::Index>(), 1..6).prop_map(Change::Remove),
        3 => any_json().prop_map(Change::Everything),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        1 => (any::<prop::sample::Index>(), any::<char>()).prop_map(|(at, c)| Change::Garble(at, c)),
    ]
}

impl Change {
    fn applied(&self, mut body: Value) -> String {
        let key_at = |body: &Value, at: &prop::sample::Index| {
            let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
            (!keys.is_empty()).then(|| at.get(&keys).clone())
        };
        match self {
            Self::Nothing => {}
            Self::Replace(new) => {
                for (at, value) in new {
                    let key = key_at(&body, at).unwrap_or_else(|| "colour".to_owned());
                    body[key] = value.clone();
                }
            }
            Self::Remove(keys) => {
                for at in keys {
                    if let Some(key) = key_at(&body, at) {
                        body.as_object_mut().unwrap().remove(&key);
                    }
                }
            }
            Self::Everything(other) => body = other.clone(),
            Self::Cut(at) => {
                let text = body.to_string();
                return text.chars().take(at.index(text.len())).collect();
            }
            Self::Garble(at, with) => {
                let text = body.to_string();
                let garbled = at.index(text.len());
                let letters = text.chars().enumerate();
                return letters.map(|(i, c)| if i == garbled { *with } else { c }).collect();
            }
        }
        body.to_string()
    }
}

fn cases() -> TestRunner {
    let seed = std::env::var_os("WHARF_SEED");
    let seed = seed.map_or_else(|| SEED.to_owned(), |seed| seed.to_string_lossy().into_owned());
    println!("WHARF_SEED={seed}");
    let bytes: Vec<u8> = (0..4_u8)
        .flat_map(|part| {
            let mut hasher = DefaultHasher::new();
            (&seed, part).hash(&mut hasher);
            hasher.finish().to_le_bytes()
        })
        .collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let cases = Cases { cases: CASES, failure_persistence: None, ..Cases::default() };
    TestRunner::new_with_rng(cases, rng)
}

async fn names(gateway: &TestGateway) -> Vec<String> {
    let listed = gateway.get("/api/instance/list").await.expect(200);
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = listed["instances"].as_array().unwrap().iter().map(name).collect();
    names.sort_unstable();
    names
}

/// Every answer is JSON, and none says that we failed.
fn is_no_failure_of_ours(answer: &Answer) -> Result<(), TestCaseError> {
    prop_assert!(answer.status < 500, "{} {}", answer.status, answer.text);
    let success = answer.json()["success"].as_bool();
    prop_assert_eq!(success, Some(answer.status < 300), "{}", &answer.text);
    Ok(())
}

/// A text as it may stand anywhere in a URL.
fn encoded(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        write!(url, "%{byte:02X}").unwrap();
    }
    url
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn gateway() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway
}

#[test]
fn no_body_makes_the_gateway_fail_or_an_instance_half() {
    let runtime = runtime();
    let gateway = runtime.block_on(gateway());
    let routes = right();
    // Creation has most to lose.
    let route = prop_oneof![Just(0_usize), 0..routes.len()];
    let outcome = cases().run(&(route, change()), |(route, change)| {
        let (path, body) = &routes[route];
        let body = change.applied(body.clone());
        runtime.block_on(async {
            let answer = gateway.owner().post_text(path, body).await;
            is_no_failure_of_ours(&answer)?;
            if *path != "/api/instance/new" {
                return Ok(());
            }
            if answer.status == 201 {
                let name = answer.json()["instance"]["name"].as_str().unwrap().to_owned();
                let mut expected = ["sales".to_owned(), name.clone()];
                expected.sort_unstable();
                prop_assert_eq!(names(&gateway).await, expected);
                let path = format!("/api/instance/delete/{}", encoded(&name));
                gateway.delete(&path).await.expect(200);
            }
            prop_assert_eq!(names(&gateway).await, ["sales"]);
            Ok(())
        })
    });
    outcome.unwrap();
}

#[test]
fn no_path_and_no_query_makes_the_gateway_fail() {
    let routes = [
        "/api/instance/list?instanceName=",
        "/api/instance/metrics/",
        "/api/instance/connect/sales?history=",
        "/api/instance/connect/sales?number=",
        "/api/instance/connect/",
        "/api/instance/getSettings/",
        "/api/instance/getProxy/",
        "/api/instance/getS3/",
        "/api/events/getWebhook/",
        "/api/events/getWebhook/sales?label=",
        "/api/events/getWebsocket/",
        "/api/events/deliveries/sales?state=",
        "/api/events/deliveries/sales?limit=2&cursor=",
        "/api/events/log/sales?since=",
        "/api/events/log/sales?limit=",
        "/api/chat/base64/sales?messageId=",
        "/connect/sales/",
    ];
    let runtime = runtime();
    let gateway = runtime.block_on(gateway());
    let raw = "[!-~]{0,20}".prop_map(|text| text.replace(['#', ' '], ""));
    let encoded = text().prop_map(|text| {
        let short: String = text.chars().take(200).collect();
        encoded(&short)
    });
    let input = (0..routes.len(), prop_oneof![raw, encoded]);
    let outcome = cases().run(&input, |(route, text)| {
        let path = format!("{}{text}", routes[route]);
        runtime.block_on(async {
            is_no_failure_of_ours(&gateway.owner().get(&path).await)?;
            let form = [("number", text.as_str())];
            is_no_failure_of_ours(&gateway.owner().post_form("/connect/sales/code", &form).await)
        })
    });
    outcome.unwrap();
}
