use std::time::Duration;

use serde_json::json;
use wharf_domain::ports::SessionEnd;
use wharf_tests::TestGateway;

#[tokio::test]
async fn a_pairing_that_is_cancelled_is_over_and_the_next_one_is_fresh() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    gateway.get("/api/instance/connect/sales").await.expect(200);
    let session = gateway.whatsapp.until_session(id).await;
    let cancelled = gateway.owner().delete("/api/instance/connect/sales").await.expect(200);
    let expected = json!({
        "success": true, "message": "Connection attempt cancelled", "status": "disconnected",
    });
    assert_eq!(cancelled, expected);
    session.until_ended().await;
    gateway.until_state("sales", "disconnected").await;
    assert_eq!(gateway.get("/api/instance/connect/sales").await.expect(200)["status"], "qr");
    assert_eq!(gateway.whatsapp.requests().len(), 2);
}

#[tokio::test]
async fn where_nothing_is_under_way_the_answer_is_the_same() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for _ in 0..2 {
        let cancelled = gateway.delete("/api/instance/connect/sales").await.expect(200);
        assert_eq!(cancelled["status"], "disconnected");
    }
    gateway.delete("/api/instance/logout/sales").await.expect(200);
    let cancelled = gateway.delete("/api/instance/connect/sales").await.expect(200);
    assert_eq!(cancelled["message"], "Connection attempt cancelled");
}

#[tokio::test]
async fn what_is_connected_is_left_alone() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let refusal = gateway.delete("/api/instance/connect/sales").await.refusal();
    assert_eq!(refusal, (400, "Instance is already connected".to_owned()));
    assert_eq!(gateway.state("sales").await, "connected");
}

#[tokio::test]
async fn what_is_paired_comes_back_by_itself_all_the_same() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    session.end(SessionEnd::Lost("the line is broken".to_owned()));
    gateway.until_state("sales", "connecting").await;
    let cancelled = gateway.delete("/api/instance/connect/sales").await.expect(200);
    assert_eq!(cancelled["status"], "connecting");
    let step = Duration::from_secs(1);
    gateway.while_time_passes(step, gateway.until_state("sales", "connected")).await;
}

#[tokio::test]
async fn who_waits_for_a_code_hears_of_it() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    gateway.whatsapp.hold();
    let cancel = async {
        gateway.whatsapp.until_session(id).await;
        gateway.delete("/api/instance/connect/sales").await.expect(200)
    };
    let owner = gateway.owner();
    let asked = owner.get("/api/instance/connect/sales");
    let waits = tokio::time::timeout(Duration::from_secs(10), asked);
    let (refused, _) = tokio::join!(waits, cancel);
    let (status, message) = refused.expect("an answer at once").refusal();
    assert_eq!(status, 500);
    assert!(message.starts_with("Failed to connect: ") && message.contains("cancel"), "{message}");
}
