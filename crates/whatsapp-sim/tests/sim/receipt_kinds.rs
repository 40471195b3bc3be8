//! Every kind of receipt a client may be given.

use std::time::Duration;

use serde_json::json;
use wacore::types::events::Event;
use wacore::types::presence::ReceiptType;
use wharf_whatsapp_sim::{Error, Phone, Simulator, Telling};
use whatsapp_rust::NodeFilter;

use crate::admin::{Program, refused};
use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";
/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn scene() -> (Simulator, Phone, Phone, TestClient) {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    (sim, ana, bia, client)
}

#[tokio::test]
async fn a_reader_says_how_far_a_clients_messages_have_got() {
    let (sim, _ana, bia, client) = scene().await;
    let group = sim.create_group(BIA, "Two", &[ANA]).await.unwrap();
    let mut told = Vec::new();
    for chat in [bia.jid(), group] {
        let id = client.send_to(chat.parse().unwrap(), "how far?").await;
        bia.wait_for_message(|message| message.id == id).await.unwrap();
        for (telling, kind) in [
            (Telling::Inactive, ReceiptType::Inactive),
            (Telling::Delivered, ReceiptType::Delivered),
            (Telling::Read, ReceiptType::Read),
            (Telling::Played, ReceiptType::Played),
            (Telling::ServerError, ReceiptType::ServerError),
        ] {
            bia.tell(&[&id], telling).await.unwrap();
            client.receipt(&id, kind).await;
        }
        told.push(id);
    }
    let across = [told[0].as_str(), told[1].as_str()];
    assert!(matches!(bia.tell(&across, Telling::Read).await, Err(Error::Conflict(_))));
    eventually("empty queues", async || sim.stats().queued == 0).await;
}

#[tokio::test]
async fn what_is_read_in_private_is_told_to_ones_own_devices_alone() {
    let (_sim, ana, bia, client) = scene().await;
    let first = bia.send_text(ANA, "first").await.unwrap();
    let second = bia.send_text(ANA, "second").await.unwrap();
    client.text("second").await;
    ana.tell(&[&first, &second], Telling::ReadSelf).await.unwrap();
    for id in [&first, &second] {
        client.receipt(id, ReceiptType::ReadSelf).await;
    }
    ana.tell(&[&first], Telling::PlayedSelf).await.unwrap();
    client.receipt(&first, ReceiptType::PlayedSelf).await;
    let shown = bia.messages();
    assert!(shown.iter().all(|it| it.receipt == wharf_whatsapp_sim::Receipt::Delivered));
}

#[tokio::test]
async fn a_client_hears_that_its_message_has_come_to_its_own_other_devices() {
    let (sim, ana, _bia, client) = scene().await;
    let id = client.send(BIA, "from the office").await;
    ana.wait_for_message(|message| message.id == id).await.unwrap();
    ana.tell(&[&id], Telling::Sender).await.unwrap();
    client.receipt(&id, ReceiptType::Sender).await;

    // A second companion says so by itself.
    let second = TestClient::linked(&sim, &ana).await;
    let id = client.send(BIA, "again").await;
    second.message(&id).await;
    client.receipt(&id, ReceiptType::Sender).await;
    assert!(matches!(ana.tell(&[&id], Telling::Read).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_message_that_is_wanted_again_is_sent_again() {
    let (_sim, _ana, bia, client) = scene().await;
    let id = client.send(BIA, "once more").await;
    bia.wait_for_message(|message| message.id == id).await.unwrap();
    client.receipt(&id, ReceiptType::Delivered).await;
    let asked =
        client.client.wait_for_node(NodeFilter::tag("receipt").attr("type", "retry".to_owned()));
    let sent = client.client.wait_for_sent_node(NodeFilter::tag("message").attr("id", id.clone()));
    bia.tell(&[&id], Telling::Retry).await.unwrap();
    tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap();
    // The session it came in goes on.
    let next = client.send(BIA, "next").await;
    bia.wait_for_message(|message| message.id == next).await.unwrap();
    let shown = bia.messages().into_iter().filter(|message| message.id == id).count();
    assert_eq!(shown, 1);
}

#[tokio::test]
async fn receipts_are_asked_for_over_http() {
    let (sim, _ana, bia, client) = scene().await;
    let program = Program::new(&sim);
    let id = client.send(BIA, "how far?").await;
    bia.wait_for_message(|message| message.id == id).await.unwrap();
    let path = format!("/phones/{BIA}/receipt");
    program.post(&path, json!({ "messageIds": [id], "type": "server-error" })).await;
    client.receipt(&id, ReceiptType::ServerError).await;
    for (body, status) in [
        (json!({ "messageIds": [id], "type": "lost" }), 400),
        (json!({ "messageIds": [], "type": "read" }), 400),
        (json!({ "messageIds": ["none"], "type": "read" }), 404),
        (json!({ "messageIds": [id], "type": "sender" }), 409),
    ] {
        refused(&program.post(&path, body).await, status.try_into().unwrap());
    }
    // A phone that cannot read what comes asks for it again.
    let asked =
        client.client.wait_for_node(NodeFilter::tag("receipt").attr("type", "retry".to_owned()));
    program.post(&format!("/phones/{BIA}/forget-sessions"), json!({})).await;
    let id = client.send(BIA, "again, please").await;
    tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!(client.count(|event| matches!(event, Event::UndecryptableMessage(_))), 0);
}
