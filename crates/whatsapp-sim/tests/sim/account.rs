//! What an account's devices share, and what the server keeps or refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use wacore_binary::builder::NodeBuilder;
use wharf_whatsapp_sim::{Phone, Simulator};
use whatsapp_rust::download::MediaType;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::upload::UploadOptions;
use whatsapp_rust::waproto::whatsapp::message::ImageMessage;
use whatsapp_rust::{Jid, NodeFilter};

use crate::client::{TestClient, eventually};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn scene() -> (Simulator, Phone, Phone) {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    (sim, ana, bia)
}

#[tokio::test]
async fn what_one_device_sets_the_others_learn() {
    let (sim, ana, bia) = scene().await;
    let first = TestClient::linked(&sim, &ana).await;
    let second = TestClient::linked(&sim, &ana).await;
    let chat: Jid = bia.jid().parse().unwrap();
    first.client.chat_actions().archive_chat(&chat, None).await.unwrap();
    second
        .event(|event| match event {
            Event::ArchiveUpdate(update) if update.jid == chat => Some(()),
            _ => None,
        })
        .await;
    eventually("empty queues", async || sim.stats().queued == 0).await;
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn media_are_stored_and_found_again() {
    let (sim, ana, bia) = scene().await;
    let sender = TestClient::linked(&sim, &ana).await;
    let receiver = TestClient::linked(&sim, &bia).await;
    let picture: Vec<u8> = (0..20_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let stored = sender
        .client
        .upload(picture.clone(), MediaType::Image, UploadOptions::default())
        .await
        .unwrap();
    let image = ImageMessage {
        url: Some(stored.url),
        direct_path: Some(stored.direct_path),
        media_key: Some(stored.media_key.to_vec()),
        file_enc_sha256: Some(stored.file_enc_sha256.to_vec()),
        file_sha256: Some(stored.file_sha256.to_vec()),
        file_length: Some(stored.file_length),
        ..Default::default()
    };
    assert_eq!(receiver.client.download(&image).await.unwrap(), picture);
}

#[tokio::test]
async fn an_unknown_request_is_an_error_and_counted() {
    let (sim, ana, _) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    let unknown = client.client.profile().set_status_text("busy").await;
    assert!(unknown.unwrap_err().to_string().contains("501"));
    assert_eq!(sim.stats().unknown.values().sum::<u64>(), 1, "{:?}", sim.stats());
}

#[tokio::test]
async fn an_unknown_question_about_users_is_an_error_and_counted() {
    let (sim, ana, _) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    let user = NodeBuilder::new("user").attr("jid", ana.jid()).build();
    let asked = ["contact", "horoscope"].map(|protocol| NodeBuilder::new(protocol).build());
    let usync = NodeBuilder::new("usync").attr("sid", "1").attr("mode", "query").children([
        NodeBuilder::new("query").children(asked).build(),
        NodeBuilder::new("list").children([user]).build(),
    ]);
    let request = NodeBuilder::new("iq")
        .attr("id", "stars")
        .attr("to", "s.whatsapp.net")
        .attr("type", "get")
        .attr("xmlns", "usync")
        .children([usync.build()])
        .build();
    let answer = client.client.wait_for_node(NodeFilter::tag("iq").attr("id", "stars"));
    client.client.send_node(request).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
    let answer = format!("{answer:?}");
    assert!(answer.contains("feature-not-implemented"), "{answer}");
    let expected = BTreeMap::from([("usync horoscope".to_owned(), 1)]);
    assert_eq!(sim.stats().unknown, expected);
}

#[tokio::test]
async fn stanzas_without_an_address_or_an_id_are_counted() {
    let (sim, ana, _) = scene().await;
    let client = TestClient::linked(&sim, &ana).await;
    for tag in ["message", "receipt", "call"] {
        let stanza = NodeBuilder::new(tag).attr("id", "nowhere").build();
        client.client.send_node(stanza).await.unwrap();
    }
    eventually("three counts", async || sim.stats().unknown.len() == 3).await;
}
