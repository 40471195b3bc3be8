use serde_json::json;
use wharf_domain::{account::AccountName, cors::Origin};
use wharf_http_ryze::Config;
use wharf_tests::{Answer, TestGateway};

const SHOP: &str = "https://shop.example.com";
const EVIL: &str = "https://evil.example.com";

async fn allow(gateway: &TestGateway, account: &str, origin: &str) {
    let name = AccountName::parse(account).unwrap();
    gateway.services.accounts.set_cors(&name, &[Origin::parse(origin).unwrap()]).await.unwrap();
}

async fn preflight(gateway: &TestGateway, path: &str, origin: &str) -> Answer {
    let page = gateway.nobody().with("origin", origin);
    let asks = page
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "content-type,token");
    asks.call("OPTIONS", path).await
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn nothing_is_allowed_until_an_account_allows_it() {
    let gateway = TestGateway::start().await;
    let refused = preflight(&gateway, "/api/instance/new", SHOP).await;
    assert_eq!(refused.refusal(), (403, "Origin is not allowed".to_owned()));
    assert_eq!(allowed(&refused), None);
    let listed = gateway.owner().with("origin", SHOP).get("/api/instance/list").await;
    assert_eq!((listed.status, allowed(&listed)), (200, None));
    assert_eq!(listed.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn a_preflight_is_answered_before_anybody_is_asked_for_a_token() {
    let gateway = TestGateway::with(Config { rate_limit: 1, ..Config::default() }).await;
    allow(&gateway, "default", SHOP).await;
    for path in ["/api/instance/new", "/api/instance/delete/sales", "/api/nothing", "/docs/"] {
        let answer = preflight(&gateway, path, SHOP).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        assert_eq!(allowed(&answer), Some(SHOP));
        let header = |name: &str| answer.header(name).unwrap().to_owned();
        assert_eq!(header("access-control-allow-methods"), "GET, POST, PUT, DELETE, OPTIONS");
        assert_eq!(
            header("access-control-allow-headers"),
            "Content-Type, Authorization, token, Idempotency-Key"
        );
        assert_eq!(header("vary"), "Origin");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("x-ratelimit-limit"), None);
    }
}

#[tokio::test]
async fn an_answer_may_be_read_where_its_own_account_allows_it() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let other = gateway.other_owner("other", None).await.with("origin", SHOP);
    allow(&gateway, "default", SHOP).await;
    for own in [gateway.owner(), gateway.holder(&token)] {
        let read = own.with("origin", SHOP).get("/api/instance/list").await;
        assert_eq!(allowed(&read), Some(SHOP));
        let exposed = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";
        assert_eq!(read.header("access-control-expose-headers"), Some(exposed));
        assert_eq!(read.header("access-control-allow-credentials"), None);
    }
    assert_eq!(allowed(&other.get("/api/instance/list").await), None);
    let evil = gateway.owner().with("origin", EVIL).get("/api/instance/list").await;
    assert_eq!(allowed(&evil), None);
    // A preflight knows of no account.
    assert_eq!(preflight(&gateway, "/api/instance/new", SHOP).await.status, 204);
}

#[tokio::test]
async fn refusals_can_be_read_too() {
    let gateway = TestGateway::with(Config { rate_limit: 1, ..Config::default() }).await;
    allow(&gateway, "default", SHOP).await;
    let nobody = gateway.nobody().with("origin", SHOP);
    for status in [401, 429] {
        let refused = nobody.get("/api/instance/list").await;
        assert_eq!((refused.status, allowed(&refused)), (status, Some(SHOP)));
    }
}

#[tokio::test]
async fn an_origin_is_compared_as_a_whole() {
    let gateway = TestGateway::start().await;
    allow(&gateway, "default", SHOP).await;
    for origin in [
        "null",
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "https://shop.example.com.evil.example",
        "https://example.com",
        "nonsense",
    ] {
        assert_eq!(preflight(&gateway, "/api/instance/new", origin).await.status, 403, "{origin}");
        let read = gateway.owner().with("origin", origin).get("/api/instance/list").await;
        assert_eq!(allowed(&read), None, "{origin}");
    }
}

#[tokio::test]
async fn a_list_that_was_emptied_allows_nothing() {
    let gateway = TestGateway::start().await;
    allow(&gateway, "default", SHOP).await;
    let name = AccountName::parse("default").unwrap();
    gateway.services.accounts.set_cors(&name, &[]).await.unwrap();
    assert_eq!(preflight(&gateway, "/api/instance/new", SHOP).await.status, 403);
}

#[tokio::test]
async fn health_has_nothing_to_do_with_it() {
    let gateway = TestGateway::start().await;
    allow(&gateway, "default", SHOP).await;
    let health = gateway.nobody().with("origin", SHOP).get("/health").await;
    assert_eq!((health.status, allowed(&health), health.header("vary")), (200, None, None));
    assert_eq!(preflight(&gateway, "/health", SHOP).await.status, 405);
}

#[tokio::test]
async fn options_without_an_origin_is_a_method_like_any_other() {
    let gateway = TestGateway::start().await;
    let refused = gateway.owner().call("OPTIONS", "/api/instance/new").await.refusal();
    assert_eq!(refused, (405, "Method not allowed".to_owned()));
    let body = json!({ "name": "sales" });
    gateway.owner().with("origin", EVIL).post("/api/instance/new", body).await.expect(201);
}
