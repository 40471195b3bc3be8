//! The page people look at while they pair a phone.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_domain::{instance::Profile, ports::SessionEnd};
use wharf_http_ryze::Config;
use wharf_testkit::build;
use wharf_tests::{Answer, Caller, OWN_NUMBER, TestGateway};

/// The path and the query of a new link, and the answer that gave it.
async fn link(gateway: &TestGateway, name: &str) -> (String, Value) {
    let path = format!("/api/instance/connectLink/{name}");
    let made = gateway.owner().post(&path, json!({})).await.expect(200);
    let url = made["url"].as_str().unwrap();
    (url.strip_prefix("http://localhost:8080").expect("our own URL").to_owned(), made)
}

/// Somebody who has opened a link.
async fn visitor(gateway: &TestGateway, name: &str) -> Caller {
    let (path, _) = link(gateway, name).await;
    let entered = gateway.unled().get(&path).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    with_cookie(gateway, &entered)
}

fn with_cookie(gateway: &TestGateway, answer: &Answer) -> Caller {
    let cookie = answer.header("set-cookie").expect("a cookie");
    gateway.unled().with("cookie", cookie.split(';').next().unwrap())
}

async fn state(caller: &Caller) -> Value {
    caller.get("/connect/sales/state").await.expect(200)
}

async fn until(caller: &Caller, reached: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let now = state(caller).await;
            if reached(&now) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.expect("the page gets there")
}

fn guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_link_names_its_page_and_its_end() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (path, made) = link(&gateway, "sales").await;
    assert!(path.starts_with("/connect/sales?link="), "{path}");
    assert_json_snapshot!(made, { ".url" => "[url]", ".expiresAt" => "[time]" });
}

#[tokio::test]
async fn a_link_leads_to_the_page_once() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (path, _) = link(&gateway, "sales").await;
    let entered = gateway.unled().get(&path).await;
    assert_eq!((entered.status, entered.header("location")), (303, Some("./sales")));
    guarded(&entered);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.starts_with("wharf_connect="), "{cookie}");
    let rest = cookie.split_once(';').unwrap().1;
    assert_eq!(rest, " HttpOnly; SameSite=Lax; Path=/connect/sales; Max-Age=900");

    let again = gateway.unled().get(&path).await;
    assert_eq!(again.status, 403);
    assert!(again.text.contains("already used or has expired"), "{}", again.text);
    guarded(&again);
    assert_eq!(again.header("set-cookie"), None);
}

#[tokio::test]
async fn behind_https_the_cookie_is_kept_to_it() {
    let public_url = "https://wharf.example.com/gateway".to_owned();
    let gateway = TestGateway::with(Config { public_url, ..Config::default() }).await;
    gateway.instance("inst 1").await;
    let made = gateway.post("/api/instance/connectLink/inst%201", json!({})).await.expect(200);
    let url = made["url"].as_str().unwrap();
    let path = url.strip_prefix("https://wharf.example.com/gateway").expect("our own URL");
    assert!(path.starts_with("/connect/inst%201?link="), "{path}");
    let entered = gateway.unled().get(path).await;
    assert_eq!((entered.status, entered.header("location")), (303, Some("./inst%201")));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/gateway/connect/inst%201; Max-Age=900; Secure"), "{cookie}");
}

#[tokio::test]
async fn a_link_expires_and_so_does_a_visit() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (path, _) = link(&gateway, "sales").await;
    let visitor = visitor(&gateway, "sales").await;
    gateway.clock.advance(Duration::from_secs(601));
    assert_eq!(gateway.unled().get(&path).await.status, 403);
    visitor.get("/connect/sales/state").await.expect(200);
    gateway.clock.advance(Duration::from_mins(5));
    let refusal = visitor.get("/connect/sales/state").await.refusal();
    let expected = "This link was already used or has expired. Ask for a new one.";
    assert_eq!(refusal, (403, expected.to_owned()));
}

#[tokio::test]
async fn opening_the_page_begins_the_pairing_and_the_page_sees_it_through() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    let visitor = visitor(&gateway, "sales").await;
    let idle = state(&visitor).await;
    assert_eq!((&idle["state"], &idle["qr"]), (&json!("disconnected"), &Value::Null));

    let page = visitor.get("/connect/sales").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    guarded(&page);
    let with_qr = until(&visitor, |now| now["qr"].is_string()).await;
    assert!(with_qr["qr"].as_str().unwrap().starts_with("data:image/png;base64,"), "{with_qr}");

    let session = gateway.whatsapp.until_session(id).await;
    session.next_qr();
    until(&visitor, |now| now["qr"].is_string() && now["qr"] != with_qr["qr"]).await;
    visitor.get("/connect/sales").await;
    assert_eq!(gateway.whatsapp.requests().len(), 1, "a second look begins nothing");

    session.scan(Profile {
        jid: Some(build::phone(OWN_NUMBER)),
        name: Some("Sales desk".to_owned()),
        picture_url: Some("https://pps.whatsapp.net/v/1".to_owned()),
        ..Profile::default()
    });
    let linked = until(&visitor, |now| now["state"] == "connected").await;
    assert_json_snapshot!(linked);
}

#[tokio::test]
async fn a_number_gets_a_code_to_type() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let visitor = visitor(&gateway, "sales").await;
    visitor.get("/connect/sales").await;
    until(&visitor, |now| now["qr"].is_string()).await;
    let begun = visitor.post_form("/connect/sales/code", &[("number", "+55 11 99999-0001")]).await;
    guarded(&begun);
    assert_json_snapshot!(begun.expect(202));
    let typed = until(&visitor, |now| now["pairingCode"].is_string()).await;
    assert_eq!(typed["pairingCode"], "ABCD-0001");
    assert_eq!(typed["pairingNumber"], "5511999990001");
}

#[tokio::test]
async fn a_number_that_is_none_is_said() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let visitor = visitor(&gateway, "sales").await;
    let refused = visitor.post_form("/connect/sales/code", &[("number", "abc")]).await.refusal();
    let expected = "Invalid number: must be 5 to 20 digits in international form";
    assert_eq!(refused, (400, expected.to_owned()));
    let refused = gateway.owner().post("/connect/sales/code", json!({ "number": 5 })).await;
    assert_ne!(refused.status, 500);
}

#[tokio::test]
async fn throttled_codes_are_said_and_the_code_to_scan_goes_on() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let visitor = visitor(&gateway, "sales").await;
    visitor.get("/connect/sales").await;
    until(&visitor, |now| now["qr"].is_string()).await;
    gateway.whatsapp.throttle_pairing(Some(429));
    visitor.post_form("/connect/sales/code", &[("number", "5511999990001")]).await.expect(202);
    let refused = until(&visitor, |now| now["problem"].is_string()).await;
    let problem = refused["problem"].as_str().unwrap();
    assert!(problem.contains("429") && problem.contains("Scan the QR code"), "{problem}");
    assert!(refused["qr"].is_string(), "{refused}");
}

#[tokio::test]
async fn a_pairing_that_came_to_nothing_is_said_and_can_be_begun_again() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    let visitor = visitor(&gateway, "sales").await;
    visitor.get("/connect/sales").await;
    until(&visitor, |now| now["qr"].is_string()).await;
    let session = gateway.whatsapp.until_session(id).await;
    session.end(SessionEnd::Unreachable("connection refused".to_owned()));
    let over = until(&visitor, |now| now["problem"].is_string()).await;
    assert!(over["problem"].as_str().unwrap().contains("connection refused"), "{over}");
    assert_eq!(over["state"], "disconnected");
    // Looking does not begin it again, the button does.
    assert_eq!(state(&visitor).await["state"], "disconnected");
    visitor.post_form("/connect/sales/code", &[("number", "")]).await.expect(202);
    let again = until(&visitor, |now| now["qr"].is_string()).await;
    assert_eq!(again["problem"], Value::Null);
}

#[tokio::test]
async fn a_visit_opens_the_page_of_its_instance_alone() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway.instance("support").await;
    let visitor = visitor(&gateway, "sales").await;
    for path in ["/connect/support/state", "/connect/nothing/state"] {
        assert_eq!(visitor.get(path).await.refusal().0, 403, "{path}");
    }
    assert_eq!(visitor.get("/connect/support").await.status, 403);
    let form = [("number", "5511999990001")];
    assert_eq!(visitor.post_form("/connect/support/code", &form).await.status, 403);
    // And nothing of the API.
    assert_eq!(visitor.get("/api/instance/list").await.status, 401);
    let (path, _) = link(&gateway, "sales").await;
    let elsewhere = path.replace("/connect/sales", "/connect/support");
    assert_eq!(gateway.unled().get(&elsewhere).await.status, 403);
}

#[tokio::test]
async fn without_link_or_token_nothing_is_told() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let nobody = gateway.unled();
    for name in ["sales", "nothing", "a%2Fb"] {
        for path in [format!("/connect/{name}"), format!("/connect/{name}?link=guessed")] {
            let refused = nobody.get(&path).await;
            assert_eq!(refused.status, 403, "{path}");
            assert!(!refused.text.contains("guessed"), "{}", refused.text);
        }
        assert_eq!(nobody.get(&format!("/connect/{name}/state")).await.refusal().0, 403);
        let form = [("number", "5511999990001")];
        let path = format!("/connect/{name}/code");
        assert_eq!(nobody.post_form(&path, &form).await.refusal().0, 403);
    }
    let guessed = nobody.with("cookie", "other=1; wharf_connect=guessed");
    assert_eq!(guessed.get("/connect/sales/state").await.refusal().0, 403);
    assert_eq!(gateway.whatsapp.requests().len(), 0);
}

#[tokio::test]
async fn a_token_opens_the_page_too_and_the_page_goes_on_with_a_visit() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    gateway.instance("support").await;
    let holder = gateway.holder(&token);
    let page = holder.get("/connect/sales").await;
    assert_eq!(page.status, 200);
    let visitor = with_cookie(&gateway, &page);
    until(&visitor, |now| now["qr"].is_string()).await;
    holder.get("/connect/sales/state").await.expect(200);
    assert_eq!(holder.get("/connect/support").await.status, 403);
    let missing = gateway.owner().get("/connect/nothing").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text.contains(">Instance not found</p>"), "{}", missing.text);
    assert_eq!(gateway.holder("unknown").get("/connect/sales").await.status, 401);
    assert_eq!(gateway.holder("unknown").get("/connect/sales/state").await.refusal().0, 401);
}

#[tokio::test]
async fn an_instance_without_a_usable_proxy_says_so_on_its_page() {
    let gateway = TestGateway::start().await;
    gateway.post("/api/instance/new", json!({ "name": "sales", "proxyEnabled": true })).await;
    let visitor = visitor(&gateway, "sales").await;
    visitor.get("/connect/sales").await;
    let refused = until(&visitor, |now| now["problem"].is_string()).await;
    let problem = refused["problem"].as_str().unwrap();
    assert!(problem.contains("the proxy given at creation cannot be used"), "{problem}");
    assert_eq!(gateway.whatsapp.requests().len(), 0);
}

#[tokio::test]
async fn a_name_is_shown_as_a_text() {
    let gateway = TestGateway::start().await;
    gateway.instance("<b>&'\"").await;
    let page = gateway.get("/connect/%3Cb%3E%26%27%22").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("&lt;b&gt;&amp;&#39;&quot;"), "{}", page.text);
    assert!(!page.text.contains("<b>"), "{}", page.text);
}

#[tokio::test]
async fn the_page_has_all_that_its_script_and_its_tests_look_for() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let page = gateway.get("/connect/sales").await.text;
    for id in [
        "state",
        "qr",
        "pairing-code",
        "number",
        "ask-code",
        "profile-name",
        "profile-number",
        "profile-picture",
        "problem",
        "retry",
    ] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for (asset, content_type) in [("js", "text/javascript"), ("css", "text/css")] {
        assert!(page.contains(&format!("./-/page.{asset}\"")), "{asset}");
        let answer = gateway.nobody().get(&format!("/connect/-/page.{asset}")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with(content_type));
        guarded(&answer);
    }
    // What is inline the policy would stop.
    assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick"));
    let script = gateway.nobody().get("/connect/-/page.js").await.text;
    for id in script.split("at(\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[tokio::test]
async fn a_link_that_is_asked_for_in_a_database_that_is_down_is_not_used_up() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (path, _) = link(&gateway, "sales").await;
    gateway.store.set_failing(true);
    let broken = gateway.unled().get(&path).await;
    assert_eq!(broken.status, 500);
    assert!(broken.text.contains(">Failed to get instance</p>"), "{}", broken.text);
    gateway.store.set_failing(false);
    assert_eq!(gateway.unled().get(&path).await.status, 303);
}
