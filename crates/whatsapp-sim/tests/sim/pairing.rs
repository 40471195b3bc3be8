//! Linking and unlinking devices, and logging in.

use std::sync::Arc;
use std::time::Duration;

use wharf_whatsapp_sim::faults::FaultRequest;
use wharf_whatsapp_sim::{Error, Phone, Simulator};
use whatsapp_rust::pair_code::{PairCodeOptions, PairCodeRejection};
use whatsapp_rust::types::events::Event;

use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";

async fn scene() -> (Simulator, Phone) {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    (sim, ana)
}

fn knows_everything(sim: &Simulator) {
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn a_scanned_client_is_connected() {
    let (sim, ana) = scene().await;
    let client = TestClient::new(&sim, "").await;
    assert_eq!(ana.scan(&client.qr().await).await.unwrap(), 1);
    client.connected().await;
    ana.wait_for_device(1, true).await.unwrap();
    assert_eq!(client.client.push_name(), "Ana");
    knows_everything(&sim);
}

#[tokio::test]
async fn every_device_has_a_number_of_its_own_and_keeps_it() {
    let (sim, ana) = scene().await;
    let first = TestClient::linked(&sim, &ana).await;
    let second = TestClient::linked(&sim, &ana).await;
    ana.unlink(1).await.unwrap();
    let third = TestClient::linked(&sim, &ana).await;
    let ids: Vec<u16> = ana.devices().iter().map(|device| device.id).collect();
    assert_eq!(ids, [0, 2, 3]);
    for client in [first, second, third] {
        client.stop().await;
    }
    ana.wait_for_device(3, false).await.unwrap();
}

async fn code(client: &TestClient) -> Result<String, Option<PairCodeRejection>> {
    client.client.wait_for_socket(Duration::from_secs(30)).await.unwrap();
    let options = PairCodeOptions { phone_number: ANA.to_owned(), ..Default::default() };
    client.client.pair_with_code(options).await.map_err(|error| error.rejection())
}

#[tokio::test]
async fn a_client_whose_code_is_entered_is_connected() {
    let (sim, ana) = scene().await;
    let client = TestClient::new(&sim, "Ana").await;
    client.qr().await;
    let code = code(&client).await.unwrap();
    let hyphenated = format!("{}-{}", &code[..4], &code[4..]).to_lowercase();
    assert_eq!(ana.enter_code(&hyphenated).await.unwrap(), 1);
    client.connected().await;
    knows_everything(&sim);
}

#[tokio::test]
async fn a_wrong_code_links_nothing_and_the_right_one_still_does() {
    let (sim, ana) = scene().await;
    assert!(matches!(ana.enter_code("ABCD-1234").await, Err(Error::NotFound(_))));
    let client = TestClient::new(&sim, "Ana").await;
    client.qr().await;
    let code = code(&client).await.unwrap();
    let wrong = if code.starts_with('1') { "2BCD1234" } else { "1BCD1234" };
    assert!(matches!(ana.enter_code(wrong).await, Err(Error::Conflict(_))));
    assert!(matches!(ana.enter_code("no code").await, Err(Error::Invalid(_))));
    assert_eq!(ana.enter_code(&code).await.unwrap(), 1);
    client.connected().await;
}

#[tokio::test]
async fn a_client_is_asked_for_a_new_code_after_three_wrong_ones() {
    let (sim, ana) = scene().await;
    let client = TestClient::new(&sim, "Ana").await;
    client.qr().await;
    let code = code(&client).await.unwrap();
    let wrong = if code.starts_with('1') { "2BCD1234" } else { "1BCD1234" };
    for _ in 0..3 {
        ana.enter_code(wrong).await.unwrap_err();
    }
    client.event(|event| matches!(event, Event::PairingCodeRefresh(_)).then_some(())).await;
    assert!(matches!(ana.enter_code(&code).await, Err(Error::Gone(_))));
}

#[tokio::test]
async fn who_asks_for_too_many_codes_is_told_to_wait() {
    let (sim, _ana) = scene().await;
    let client = TestClient::new(&sim, "Ana").await;
    client.qr().await;
    for _ in 0..5 {
        code(&client).await.unwrap();
        client.client.cancel_pair_code().await;
    }
    assert_eq!(code(&client).await, Err(Some(PairCodeRejection::RateOverlimit)));
}

#[tokio::test]
async fn a_client_that_gets_no_code_can_still_be_scanned() {
    let (sim, ana) = scene().await;
    let request = r#"{ "all": true, "fault": "throttle-codes" }"#;
    let request: FaultRequest = serde_json::from_str(request).unwrap();
    sim.add_fault(request.check(0).unwrap()).unwrap();
    let client = TestClient::new(&sim, "Ana").await;
    let qr = client.qr().await;
    let refused = code(&client).await.unwrap_err();
    assert!(refused.is_some_and(PairCodeRejection::is_throttled), "{refused:?}");
    ana.scan(&qr).await.unwrap();
    client.connected().await;
}

#[tokio::test]
async fn an_unlinked_client_is_told_and_not_let_in_again() {
    let (sim, ana) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    ana.unlink(1).await.unwrap();
    assert!(!client.logged_out().await, "it is told while it is connected");
    assert!(matches!(ana.unlink(1).await, Err(Error::NotFound(_))));
    let again = TestClient::with_store(&sim, "Ana", client.stop().await).await;
    assert!(again.logged_out().await, "its login is refused");
}

#[tokio::test]
async fn a_client_that_logs_out_is_not_listed_any_more() {
    let (sim, ana) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    client.client.logout().await;
    eventually("the device's removal", async || ana.devices().len() == 1).await;
    knows_everything(&sim);
}

#[tokio::test]
async fn a_second_login_of_a_device_replaces_the_first() {
    let (sim, ana) = scene().await;
    let first = TestClient::linked(&sim, &ana).await;
    let second = TestClient::with_store(&sim, "Ana", Arc::clone(&first.backend)).await;
    second.connected().await;
    first.event(|event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    bia.send_text(ANA, "for the second").await.unwrap();
    second.text("for the second").await;
    assert_eq!(first.texts("for the second"), 0);
}

#[tokio::test]
async fn a_client_of_another_simulator_is_not_let_in() {
    let (sim, ana) = scene().await;
    let (other, _) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    let stranger = TestClient::with_store(&other, "Ana", client.stop().await).await;
    stranger.event(|event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
}
