use std::time::Duration;

use serde_json::json;
use wharf_http_ryze::Config;
use wharf_tests::{Answer, TestGateway};

const EXCEEDED: &str = "Rate limit exceeded. Try again later.";

async fn gateway(rate_limit: u32, rate_limit_create: u32) -> TestGateway {
    TestGateway::with(Config { rate_limit, rate_limit_create, ..Config::default() }).await
}

fn counted(answer: &Answer) -> (i64, i64) {
    (answer.number("x-ratelimit-limit"), answer.number("x-ratelimit-remaining"))
}

#[tokio::test]
async fn every_answer_tells_the_caller_where_it_stands() {
    let gateway = gateway(100, 20).await;
    let list = gateway.owner().get("/api/instance/list").await;
    assert_eq!(counted(&list), (100, 99));
    assert_eq!(list.number("x-ratelimit-reset"), wharf_testkit::build::moment(60).timestamp());
    let refusals = [
        gateway.nobody().get("/api/instance/list").await,
        gateway.holder("unknown").get("/api/instance/list").await,
        gateway.get("/api/instance/connect/unknown").await,
        gateway.get("/unknown").await,
        gateway.nobody().get("/docs/").await,
        gateway.nobody().get("/openapi.json").await,
        gateway.nobody().get("/connect/sales").await,
        gateway.nobody().get("/connect/sales/state").await,
        gateway.nobody().get("/connect/-/page.js").await,
        gateway.owner().call("PUT", "/api/instance/list").await,
        gateway.post("/api/instance/new", json!([])).await,
    ];
    for answer in refusals {
        assert!(counted(&answer).0 > 0, "{answer:?}");
    }
}

#[tokio::test]
async fn who_asks_too_often_waits_for_the_next_minute() {
    let gateway = gateway(3, 20).await;
    for left in [2, 1, 0] {
        assert_eq!(counted(&gateway.get("/api/instance/list").await), (3, left));
    }
    let refused = gateway.get("/api/instance/list").await;
    assert_eq!(refused.refusal(), (429, EXCEEDED.to_owned()));
    assert_eq!(counted(&refused), (3, 0));
    gateway.clock.advance(Duration::from_mins(1));
    gateway.get("/api/instance/list").await.expect(200);
}

#[tokio::test]
async fn each_token_has_its_own_count() {
    let gateway = gateway(2, 0).await;
    let (_, token) = gateway.instance("sales").await;
    gateway.get("/api/instance/list").await.expect(200);
    assert_eq!(gateway.get("/api/instance/list").await.status, 429);
    let holder = gateway.holder(&token);
    holder.get("/api/instance/list").await.expect(200);
    // However it is sent, it is one token.
    let bearer = gateway.nobody().with("authorization", &format!("Bearer {token}"));
    bearer.get("/api/instance/list").await.expect(200);
    assert_eq!(holder.get("/api/instance/list").await.status, 429);
}

#[tokio::test]
async fn unknown_tokens_are_counted_by_address() {
    let gateway = gateway(2, 0).await;
    for token in ["guess-1", "guess-2"] {
        assert_eq!(gateway.holder(token).get("/api/instance/list").await.status, 401);
    }
    assert_eq!(gateway.holder("guess-3").get("/api/instance/list").await.status, 429);
    assert_eq!(gateway.nobody().get("/api/instance/list").await.status, 429);
    gateway.get("/api/instance/list").await.expect(200);
}

#[tokio::test]
async fn creations_have_a_smaller_limit_and_count_in_both() {
    let gateway = gateway(4, 2).await;
    let create =
        async |name: &str| gateway.post("/api/instance/new", json!({ "name": name })).await;
    assert_eq!(counted(&create("a").await), (2, 1));
    assert_eq!(counted(&create("b").await), (2, 0));
    let refused = create("c").await;
    assert_eq!(refused.refusal(), (429, EXCEEDED.to_owned()));
    assert_eq!(counted(&refused), (2, 0));
    assert_eq!(counted(&gateway.get("/api/instance/list").await), (4, 0));
    assert_eq!(counted(&create("d").await), (4, 0));
}

#[tokio::test]
async fn a_limit_of_nought_is_off_and_sends_no_headers() {
    let gateway = gateway(0, 0).await;
    for _ in 0..150 {
        let answer = gateway.get("/api/instance/list").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, None));
    }
}

#[tokio::test]
async fn a_limit_for_creations_alone_leaves_other_routes_free() {
    let gateway = gateway(0, 1).await;
    assert_eq!(gateway.get("/api/instance/list").await.header("x-ratelimit-limit"), None);
    gateway.post("/api/instance/new", json!({ "name": "a" })).await.expect(201);
    assert_eq!(gateway.post("/api/instance/new", json!({ "name": "b" })).await.status, 429);
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_about_whom_it_forwards_for() {
    let stranger =
        |gateway: &TestGateway, address: &str| gateway.nobody().with("x-forwarded-for", address);
    let trusting = TestGateway::with(Config {
        rate_limit: 1,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Config::default()
    })
    .await;
    let path = "/api/instance/list";
    assert_eq!(stranger(&trusting, "203.0.113.1").get(path).await.status, 401);
    assert_eq!(stranger(&trusting, "203.0.113.2").get(path).await.status, 401);
    assert_eq!(stranger(&trusting, "9.9.9.9, 203.0.113.2").get(path).await.status, 429);

    let wary = gateway(1, 0).await;
    assert_eq!(stranger(&wary, "203.0.113.1").get(path).await.status, 401);
    assert_eq!(stranger(&wary, "203.0.113.2").get(path).await.status, 429);
}

#[tokio::test]
async fn a_refused_call_has_no_effect() {
    let gateway = gateway(1, 0).await;
    gateway.get("/api/instance/list").await.expect(200);
    assert_eq!(gateway.post("/api/instance/new", json!({ "name": "a" })).await.status, 429);
    gateway.clock.advance(Duration::from_mins(1));
    assert_eq!(gateway.get("/api/instance/list").await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn a_creation_counts_as_one_however_its_path_is_spelt() {
    let gateway = gateway(100, 1).await;
    gateway.post("/api/instance/new", json!({ "name": "one" })).await.expect(201);
    let refused = gateway.post("/api/instance/ne%77", json!({ "name": "two" })).await;
    assert_eq!(refused.refusal(), (429, EXCEEDED.to_owned()));
}
