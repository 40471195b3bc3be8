//! What an account's devices share, and what the server keeps or refuses.

use wharf_whatsapp_sim::{Phone, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::upload::UploadOptions;
use whatsapp_rust::waproto::whatsapp::message::ImageMessage;

use crate::client::{TestClient, eventually};

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
    let groups = client.client.groups().get_participating().await;
    assert!(groups.unwrap_err().to_string().contains("501"));
    assert_eq!(sim.stats().unknown.values().sum::<u64>(), 1, "{:?}", sim.stats());
}
