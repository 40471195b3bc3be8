//! How far messages have got, told in both directions and among one's own devices.

use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wharf_whatsapp_sim::{Phone, Receipt, Simulator};

use crate::client::TestClient;

const ANA: &str = "5511999990001";
const BRUNO: &str = "5511999990002";

/// Ana and Bruno, each with a phone and a client.
struct Pair {
    ana: Phone,
    ana_client: TestClient,
    bruno: Phone,
    bruno_client: TestClient,
}

impl Pair {
    async fn new() -> Self {
        let sim = Simulator::start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bruno = sim.create_phone(BRUNO, "Bruno").unwrap();
        let ana_client = TestClient::linked(&sim, &ana).await;
        let bruno_client = TestClient::linked(&sim, &bruno).await;
        Self { ana, ana_client, bruno, bruno_client }
    }
}

/// Waits for a receipt about a message.
async fn receipt(client: &TestClient, id: &str, kind: &ReceiptType) {
    client
        .event(|event| match event {
            Event::Receipt(receipt) => (receipt.message_ids.iter().any(|of| of == id)
                && receipt.r#type == *kind)
                .then_some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_client_hears_what_becomes_of_its_message() {
    let pair = Pair::new().await;
    let id = pair.ana_client.send(BRUNO, "read me").await;
    receipt(&pair.ana_client, &id, &ReceiptType::Delivered).await;
    pair.bruno.wait_for_message(|message| message.id == id).await.unwrap();
    pair.bruno.read(&id).await.unwrap();
    receipt(&pair.ana_client, &id, &ReceiptType::Read).await;
    // And so does the phone, though the message was not typed on it.
    pair.ana.wait_for_receipt(&id, Receipt::Read).await.unwrap();
    // Bruno's other devices learn that he has read it.
    receipt(&pair.bruno_client, &id, &ReceiptType::ReadSelf).await;
}

#[tokio::test]
async fn a_phone_hears_what_becomes_of_its_message() {
    let pair = Pair::new().await;
    let id = pair.bruno.send_text(ANA, "read me").await.unwrap();
    let (_, info) = pair.ana_client.text("read me").await;
    pair.bruno.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    pair.ana_client.client.mark_as_read(&info.source.chat, None, &[&id]).await.unwrap();
    pair.bruno.wait_for_receipt(&id, Receipt::Read).await.unwrap();
    // Read on the client is read on the phone.
    pair.ana.wait_for_receipt(&id, Receipt::Read).await.unwrap();
    pair.ana_client.client.mark_as_played(&info.source.chat, None, &[&id]).await.unwrap();
    pair.bruno.wait_for_receipt(&id, Receipt::Played).await.unwrap();
}
