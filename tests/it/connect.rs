use std::time::Duration;

use serde_json::json;
use wharf_domain::ports::{History, SessionEnd};
use wharf_tests::TestGateway;

#[tokio::test]
async fn a_code_comes_as_text_and_as_a_picture() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let linked = gateway.owner().get("/api/instance/connect/sales").await.expect(200);
    assert_eq!(linked["success"], true);
    assert_eq!(linked["message"], "QR code generated");
    assert_eq!(linked["status"], "qr");
    assert!(linked["qrCode"].as_str().unwrap().starts_with("2@"), "{linked}");
    let picture = linked["qrCodeBase64"].as_str().unwrap();
    assert!(picture.starts_with("data:image/png;base64,iVBORw0KGgo"), "{picture}");
    assert_eq!(linked.as_object().unwrap().len(), 5);
    assert_eq!(gateway.state("sales").await, "connecting");
}

#[tokio::test]
async fn a_later_call_gets_the_current_code() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    let path = "/api/instance/connect/sales";
    let first = gateway.get(path).await.expect(200)["qrCode"].take();
    assert_eq!(gateway.get(path).await.expect(200)["qrCode"], first);
    gateway.whatsapp.until_session(id).await.next_qr();
    let renewed = async {
        while gateway.get(path).await.expect(200)["qrCode"] == first {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("a new code");
    assert_eq!(gateway.whatsapp.requests().len(), 1);
}

#[tokio::test]
async fn callers_at_once_share_one_session() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let owner = gateway.owner();
    let calls = (0..4).map(|_| owner.get("/api/instance/connect/sales"));
    let codes: Vec<_> = futures::future::join_all(calls)
        .await
        .iter()
        .map(|answer| answer.expect(200)["qrCode"].take())
        .collect();
    assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    assert_eq!(gateway.whatsapp.requests().len(), 1);
}

#[tokio::test]
async fn a_number_gets_a_code_to_type() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let path = "/api/instance/connect/sales?number=%2B55%2011%2099999-0001";
    let linked = gateway.get(path).await.expect(200);
    let expected = json!({
        "success": true,
        "message": "Pairing code generated",
        "pairingCode": "ABCD-0001",
        "status": "pairing",
    });
    assert_eq!(linked, expected);
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_and_an_empty_one_is_not_there() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let refused = gateway.get("/api/instance/connect/sales?number=abc").await.refusal();
    let expected = "Invalid number: must be 5 to 20 digits in international form";
    assert_eq!(refused, (400, expected.to_owned()));
    assert_eq!(gateway.state("sales").await, "disconnected");
    let linked = gateway.get("/api/instance/connect/sales?number=").await.expect(200);
    assert_eq!(linked["status"], "qr");
}

#[tokio::test]
async fn a_throttled_pairing_code_is_an_error_with_its_reason() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway.whatsapp.throttle_pairing(Some(429));
    let refused = gateway.get("/api/instance/connect/sales?number=5511999990001").await;
    let (status, message) = refused.refusal();
    assert_eq!(status, 429);
    assert!(message.starts_with("Failed to connect: ") && message.contains("429"), "{message}");
}

#[tokio::test]
async fn a_connected_instance_is_left_alone() {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    let linked = gateway.get("/api/instance/connect/sales").await.expect(200);
    let expected = json!({
        "success": true,
        "message": "Instance is already connected",
        "status": "connected",
    });
    assert_eq!(linked, expected);
    assert_eq!(gateway.whatsapp.requests().len(), 1);
}

#[tokio::test]
async fn an_instances_own_token_connects_it() {
    let gateway = TestGateway::start().await;
    let (_, token) = gateway.instance("sales").await;
    gateway.holder(&token).get("/api/instance/connect/sales").await.expect(200);
}

#[tokio::test]
async fn whatsapp_out_of_reach_is_said_and_leaves_the_instance_disconnected() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway.whatsapp.fail_starts(Some("network is unreachable"));
    let refused = gateway.get("/api/instance/connect/sales").await.refusal();
    assert_eq!(refused, (500, "Failed to connect: network is unreachable".to_owned()));
    assert_eq!(gateway.state("sales").await, "disconnected");
    gateway.whatsapp.fail_starts(None);
    assert_eq!(gateway.get("/api/instance/connect/sales").await.expect(200)["status"], "qr");
}

#[tokio::test]
async fn a_connection_that_breaks_before_there_is_a_code_is_said() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    gateway.whatsapp.hold();
    let breaks = async {
        let session = gateway.whatsapp.until_session(id).await;
        session.end(SessionEnd::Unreachable("connection refused".to_owned()));
    };
    let (refused, ()) = tokio::join!(gateway.get("/api/instance/connect/sales"), breaks);
    let (status, message) = refused.refusal();
    assert_eq!(status, 500);
    assert!(message.starts_with("Failed to connect: ") && message.contains("refused"), "{message}");
    assert_eq!(gateway.state("sales").await, "disconnected");
}

#[tokio::test]
async fn a_code_that_does_not_come_within_a_minute_is_an_error() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway.whatsapp.hold();
    let asked = gateway.get("/api/instance/connect/sales");
    let refused = gateway.while_time_passes(Duration::from_secs(10), asked).await;
    let (status, message) = refused.refusal();
    assert_eq!(status, 500);
    assert!(message.starts_with("Failed to connect: "), "{message}");
    assert!(message.contains("60 seconds"), "{message}");
}

#[tokio::test]
async fn deleting_while_somebody_waits_for_a_code_ends_the_wait() {
    let gateway = TestGateway::start().await;
    let (id, _) = gateway.instance("sales").await;
    gateway.whatsapp.hold();
    let delete = async {
        gateway.whatsapp.until_session(id).await;
        gateway.delete("/api/instance/delete/sales").await.expect(200)
    };
    let (refused, _) = tokio::join!(gateway.get("/api/instance/connect/sales"), delete);
    assert!([404, 500].contains(&refused.refusal().0), "{refused:?}");
    assert_eq!(gateway.get("/api/instance/list").await.expect(200)["meta"]["total"], 0);
}

#[tokio::test]
async fn a_number_may_be_written_as_an_address() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for address in ["5511999990001@s.whatsapp.net", "5511999990001:12@s.whatsapp.net"] {
        let path = format!("/api/instance/connect/sales?number={address}");
        assert_eq!(gateway.get(&path).await.expect(200)["pairingCode"], "ABCD-0001");
    }
    let refused = gateway.get("/api/instance/connect/sales?number=120363@g.us").await.refusal();
    let expected = "Invalid number: is not a phone's WhatsApp address";
    assert_eq!(refused, (400, expected.to_owned()));
}

#[tokio::test]
async fn history_is_asked_for_in_days() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    for wrong in ["0", "-1", "3651", "all", "1.5", "99999999999"] {
        let path = format!("/api/instance/connect/sales?history={wrong}");
        let expected = (400, "Invalid history: must be 1 to 3650 days".to_owned());
        assert_eq!(gateway.get(&path).await.refusal(), expected, "{wrong}");
    }
    assert_eq!(gateway.whatsapp.requests().len(), 0);
    gateway.get("/api/instance/connect/sales?history=30").await.expect(200);
    let request = gateway.whatsapp.requests().remove(0);
    assert_eq!(request.history, History::Days(30));
}
