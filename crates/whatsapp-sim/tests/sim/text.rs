use wharf_whatsapp_sim::{Receipt, Simulator};

use super::client::TestClient;

#[tokio::test]
async fn texts_go_both_ways_between_a_client_and_a_phone() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;

    let id = client.send(&bia.number(), "hello").await;
    assert_eq!(client.ack(&id).await, None);
    let shown = bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!(shown.text.as_deref(), Some("hello"));

    let id = bia.send_text(&ana.number(), "hi").await.unwrap();
    let (_, info) = client.text("hi").await;
    assert_eq!(info.id, id);
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}
