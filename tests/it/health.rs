use std::time::Duration;

use insta::assert_json_snapshot;
use wharf_tests::TestGateway;

#[tokio::test]
async fn health_needs_no_token_and_knows_no_limit() {
    let gateway = TestGateway::with(wharf_http_ryze::Config {
        rate_limit: 1,
        version: "1.2.3".to_owned(),
        ..wharf_http_ryze::Config::default()
    })
    .await;
    gateway.clock.advance(Duration::from_millis(3_723_456));
    let nobody = gateway.nobody();
    for _ in 0..3 {
        let answer = nobody.get("/health").await;
        assert_eq!(answer.header("x-ratelimit-limit"), None);
        assert_eq!(answer.status, 200);
    }
    assert_json_snapshot!(nobody.get("/health").await.expect(200));
}

#[tokio::test]
async fn a_part_that_fails_degrades_it() {
    let gateway = TestGateway::start().await;
    gateway.database.switch_off();
    let health = gateway.nobody().get("/health").await.expect(503);
    assert_eq!(health["status"], "degraded");
    let problem = health["checks"]["db"].as_str().unwrap();
    assert!(problem.starts_with("fail: ") && problem.contains("connection refused"), "{problem}");
}

#[tokio::test]
async fn what_cannot_serve_is_still_alive() {
    let gateway = TestGateway::start().await;
    let nobody = gateway.nobody();
    nobody.get("/health/ready").await.expect(200);
    gateway.database.switch_off();
    nobody.get("/health/ready").await.expect(503);
    assert_eq!(nobody.get("/health/live").await.expect(200)["status"], "ok");
}

#[tokio::test]
async fn a_wrong_token_does_not_matter_to_it() {
    let gateway = TestGateway::start().await;
    gateway.holder("unknown").get("/health").await.expect(200);
}
