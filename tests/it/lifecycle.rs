//! Reconnect, logout, delete.

use serde_json::json;
use wharf_domain::ports::SessionEnd;
use wharf_tests::TestGateway;

#[tokio::test]
async fn a_reconnect_makes_a_new_session_of_the_same_keys() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let id = gateway.id("sales").await;
    let answer = gateway.owner().post("/api/instance/reconnect/sales", json!({})).await;
    let expected =
        json!({ "success": true, "message": "Reconnect initiated", "status": "connecting" });
    assert_eq!(answer.expect(200), expected);
    gateway.whatsapp.until_sessions(id, 2).await;
    gateway.until_state("sales", "connected").await;
}

#[tokio::test]
async fn the_body_of_a_reconnect_does_not_matter() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let owner = gateway.owner();
    owner.post_text("/api/instance/reconnect/sales", "{not json").await.expect(200);
    owner.call("POST", "/api/instance/reconnect/sales").await.expect(200);
}

#[tokio::test]
async fn what_was_never_paired_or_was_logged_out_cannot_reconnect() {
    let gateway = TestGateway::start().await;
    gateway.instance("fresh").await;
    gateway.connected("gone").await;
    gateway.delete("/api/instance/logout/gone").await.expect(200);
    for path in ["/api/instance/reconnect/fresh", "/api/instance/reconnect/gone"] {
        let refused = gateway.post(path, json!({})).await.refusal();
        let expected = "Instance has no saved session, call /connect first";
        assert_eq!(refused, (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn a_logout_unlinks_the_device_and_keeps_the_instance() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let answer = gateway.owner().delete("/api/instance/logout/sales").await.expect(200);
    let expected = json!({
        "success": true,
        "message": "Instance logged out",
        "instance": { "status": "loggedout" },
    });
    assert_eq!(answer, expected);
    assert_eq!(gateway.whatsapp.logged_out().len(), 1);
    assert_eq!(gateway.state("sales").await, "loggedout");
}

#[tokio::test]
async fn a_logout_may_be_repeated_and_needs_no_pairing() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for _ in 0..2 {
        gateway.delete("/api/instance/logout/sales").await.expect(200);
    }
}

#[tokio::test]
async fn an_instance_can_be_paired_again_after_a_logout() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway.delete("/api/instance/logout/sales").await.expect(200);
    assert_eq!(gateway.get("/api/instance/connect/sales").await.expect(200)["status"], "qr");
}

#[tokio::test]
async fn unlinking_on_the_phone_shows_in_the_list() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    session.end(SessionEnd::LoggedOut("removed on the phone".to_owned()));
    gateway.until_state("sales", "loggedout").await;
}

#[tokio::test]
async fn a_delete_leaves_nothing_and_frees_name_and_token() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let listed = gateway.get("/api/instance/list").await.expect(200);
    let token = listed["instances"][0]["token"].as_str().unwrap().to_owned();
    let answer = gateway.owner().delete("/api/instance/delete/sales").await.expect(200);
    let expected = json!({
        "success": true,
        "message": "Instance deleted",
        "instance": { "status": "deleted" },
    });
    assert_eq!(answer, expected);
    assert_eq!(gateway.whatsapp.logged_out().len(), 1);
    let refused = gateway.holder(&token).get("/api/instance/list").await.refusal();
    assert_eq!(refused, (401, "Invalid token".to_owned()));
    let again = json!({ "name": "sales", "token": token });
    gateway.post("/api/instance/new", again).await.expect(201);
}

#[tokio::test]
async fn a_second_delete_finds_nothing() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway.delete("/api/instance/delete/sales").await.expect(200);
    let refused = gateway.delete("/api/instance/delete/sales").await.refusal();
    assert_eq!(refused, (404, "Instance not found".to_owned()));
}
