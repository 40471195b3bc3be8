use wharf_whatsapp_sim::Simulator;

use super::client::TestClient;

#[tokio::test]
async fn a_scanned_client_is_connected() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let client = TestClient::new(&sim, "Ana").await;
    assert_eq!(ana.scan(&client.qr().await).await.unwrap(), 1);
    client.connected().await;
    ana.wait_for_device(1, true).await.unwrap();
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}
