//! Who may do what. The claims about every route are in `routes.rs`.

use serde_json::json;
use wharf_tests::TestGateway;

#[tokio::test]
async fn a_token_is_taken_from_its_header_or_from_the_bearer() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let bearer = format!("Bearer {token}");
    let path = "/api/instance/list";
    gateway.nobody().with("token", &token).get(path).await.expect(200);
    gateway.nobody().with("authorization", &bearer).get(path).await.expect(200);
    let both = gateway.nobody().with("token", "wrong").with("authorization", &bearer);
    assert_eq!(both.get(path).await.refusal(), (401, "Invalid token".to_owned()));
}

#[tokio::test]
async fn a_token_that_no_token_can_be_is_an_invalid_one() {
    let gateway = TestGateway::start().await;
    for odd in ["with space", "ção", &"x".repeat(1000)] {
        let refused = gateway.holder(odd).get("/api/instance/list").await;
        assert_eq!(refused.refusal(), (401, "Invalid token".to_owned()), "{odd}");
    }
}

#[tokio::test]
async fn the_query_is_no_place_for_a_token() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let refused = gateway.nobody().get(&format!("/api/instance/list?token={token}")).await;
    assert_eq!(refused.refusal(), (401, "Missing token in header".to_owned()));
}

#[tokio::test]
async fn an_instances_token_neither_creates_nor_deletes() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    let holder = gateway.holder(&token);
    let create = holder.post("/api/instance/new", json!({ "name": "more" })).await;
    let delete = holder.delete("/api/instance/delete/sales").await;
    let delete_unknown = holder.delete("/api/instance/delete/nothing").await;
    for refused in [create, delete, delete_unknown] {
        assert_eq!(refused.refusal(), (401, "Invalid token".to_owned()));
    }
    assert_eq!(gateway.state("sales").await, "disconnected");
}

#[tokio::test]
async fn a_foreign_account_sees_nothing_of_an_instance() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let other = gateway.other_owner("other", None).await;
    let refused = other.get("/api/instance/connect/sales").await;
    assert_eq!(refused.refusal(), (404, "Instance not found".to_owned()));
    let refused = other.delete("/api/instance/delete/sales").await;
    assert_eq!(refused.refusal(), (404, "Instance not found".to_owned()));
    assert_eq!(other.get("/api/instance/list").await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn two_accounts_may_have_instances_of_one_name() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let other = gateway.other_owner("other", None).await;
    other.post("/api/instance/new", json!({ "name": "sales" })).await.expect(201);
}

#[tokio::test]
async fn a_database_that_is_down_is_not_the_callers_fault() {
    let gateway = TestGateway::start().await;
    gateway.store.set_failing(true);
    let refused = gateway.get("/api/instance/list").await;
    assert_eq!(refused.refusal(), (500, "Internal server error".to_owned()));
}
