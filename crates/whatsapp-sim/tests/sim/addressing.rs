//! Accounts whose chats go by LID.

use wharf_whatsapp_sim::{Receipt, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::presence::ReceiptType;

use crate::client::{TestClient, eventually};

#[tokio::test]
async fn chats_by_lid_work_as_those_by_number() {
    let sim = Simulator::builder().lid_addressing(true).start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    let second = TestClient::linked(&sim, &ana).await;
    let theirs = TestClient::linked(&sim, &bia).await;

    let id = bia.send_text(&ana.number(), "hi").await.unwrap();
    let (_, info) = client.text("hi").await;
    assert_eq!(info.source.chat.to_string(), bia.lid());
    assert_eq!(info.source.sender_alt.as_ref().map(ToString::to_string), Some(bia.jid()));
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    client.client.mark_as_read(&info.source.chat, None, &[&id]).await.unwrap();
    bia.wait_for_receipt(&id, Receipt::Read).await.unwrap();

    let lid: Jid = bia.lid().parse().unwrap();
    for to in [lid, Jid::pn(bia.number())] {
        let id = client.send_to(to, "hello").await;
        let shown = bia.wait_for_message(|message| message.id == id).await.unwrap();
        assert_eq!((shown.from, shown.chat), (ana.jid(), ana.jid()));
        assert_eq!(second.text("hello").await.1.source.sender.device, 1);
        theirs.text("hello").await;
        client.receipt(&id, ReceiptType::Delivered).await;
    }
    ana.send_text(&bia.number(), "typed").await.unwrap();
    let (_, copy) = client.text("typed").await;
    assert!(copy.source.is_from_me);
    assert_eq!(copy.source.chat.to_string(), bia.lid());
    eventually("empty queues", async || sim.stats().queued == 0).await;
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn an_account_that_goes_by_number_can_be_written_to_by_lid() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    let id = client.send_to(bia.lid().parse().unwrap(), "hello").await;
    let shown = bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!(shown.chat, ana.jid());
    client.receipt(&id, ReceiptType::Delivered).await;
    assert!(ana.send_text(&bia.lid(), "hello").await.is_ok());
}
