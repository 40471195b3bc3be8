//! Whatever goes wrong is said in the contract's envelope.

use wharf_http_ryze::Config;
use wharf_tests::TestGateway;

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let gateway = TestGateway::start().await;
    let expected = (404, "Route not found".to_owned());
    for path in ["/", "/api", "/api/instance", "/api/instance/new/more", "/health/unknown"] {
        assert_eq!(gateway.get(path).await.refusal(), expected, "{path}");
        assert_eq!(gateway.nobody().call("POST", path).await.refusal(), expected, "{path}");
    }
    assert_eq!(gateway.nobody().get("/docs/unknown.js").await.refusal(), expected);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let gateway = TestGateway::start().await;
    for (method, path, allowed) in [
        ("GET", "/api/instance/new", "POST"),
        ("POST", "/api/instance/list", "GET, HEAD"),
        ("PUT", "/api/events/webhook/sales", "GET, POST, DELETE, HEAD"),
        ("PUT", "/api/instance/connect/sales", "GET, DELETE"),
        ("POST", "/docs", "GET, HEAD"),
        ("POST", "/docs/", "GET, HEAD"),
        ("DELETE", "/docs/swagger-ui.css", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/connect/-/page.js", "GET, HEAD"),
        ("PATCH", "/api/message/text/sales", "POST"),
        ("DELETE", "/health", "GET, HEAD"),
    ] {
        let answer = gateway.owner().call(method, path).await;
        assert_eq!(answer.refusal(), (405, "Method not allowed".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let gateway = TestGateway::start().await;
    let bodies = ["", "{", "{\"name\":\"a\"", "name=a", "{\"name\":\"a\"} more", "{'name':'a'}"];
    for body in bodies {
        let refused = gateway.owner().post_text("/api/instance/new", body).await;
        assert_eq!(refused.refusal(), (400, "Invalid request body".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn json_needs_no_content_type() {
    let gateway = TestGateway::start().await;
    let form = gateway.owner().with("content-type", "application/x-www-form-urlencoded");
    form.post_text("/api/instance/new", "{\"name\":\"sales\"}").await.expect(201);
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let gateway = TestGateway::with(Config { max_body: 1000, ..Config::default() }).await;
    let owner = gateway.owner();
    let body = |length: usize| {
        let padding = " ".repeat(length - "{\"name\":\"sales\"}".len());
        format!("{{\"name\":\"sales\"}}{padding}")
    };
    let refused = owner.post_text("/api/instance/new", body(1001)).await;
    assert_eq!(refused.refusal(), (413, "Request body is too large".to_owned()));
    assert!(refused.header("x-ratelimit-limit").is_some());
    owner.post_text("/api/instance/new", body(1000)).await.expect(201);
}

#[tokio::test]
async fn a_body_far_too_large_is_refused_while_it_is_still_being_sent() {
    let gateway = TestGateway::with(Config { max_body: 1000, ..Config::default() }).await;
    let refused = gateway.owner().post_text("/api/instance/new", " ".repeat(20_000_000)).await;
    assert_eq!(refused.refusal(), (413, "Request body is too large".to_owned()));
}

#[tokio::test]
async fn who_may_not_call_hears_that_before_the_body_is_looked_at() {
    let gateway = TestGateway::with(Config { max_body: 10, ..Config::default() }).await;
    let refused = gateway.nobody().post_text("/api/instance/new", "{ this is no json").await;
    assert_eq!(refused.refusal(), (401, "Missing token in header".to_owned()));
    let refused = gateway.owner().post_text("/api/message/text/unknown", "{ no json").await;
    assert_eq!(refused.refusal(), (404, "Instance not found".to_owned()));
}

#[tokio::test]
async fn a_query_that_contradicts_itself_is_refused() {
    let gateway = TestGateway::start().await;
    let refused = gateway.get("/api/instance/list?instanceName=a&instanceName=b").await;
    let (status, message) = refused.refusal();
    assert_eq!(status, 400);
    assert!(message.starts_with("Invalid query: "), "{message}");
}

#[tokio::test]
async fn what_can_be_read_can_be_asked_for_without_its_body() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for path in ["/health", "/health/ready", "/docs/", "/openapi.json", "/api/instance/list"] {
        let answer = gateway.owner().call("HEAD", path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
    // Not what begins something.
    let connect = gateway.owner().call("HEAD", "/api/instance/connect/sales").await;
    assert_eq!(connect.status, 405);
}
