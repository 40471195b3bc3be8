//! Labels, by the app state that all devices of an account share.

use serde_json::json;
use wacore::types::events::Event;
use wharf_whatsapp_sim::{Phone, Simulator};

use crate::admin::{Program, refused};
use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";

async fn scene() -> (Simulator, Phone, Phone, TestClient) {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    (sim, ana, bia, client)
}

/// The name, the colour and whether it is gone, as a client is told.
async fn edited(
    client: &TestClient,
    seen: usize,
    label: &str,
) -> (Option<String>, Option<i32>, bool) {
    client
        .event_after(seen, |event| match event {
            Event::LabelEditUpdate(update) if update.label_id == label => {
                let action = &update.action;
                Some((action.name.clone(), action.color, action.deleted == Some(true)))
            }
            _ => None,
        })
        .await
}

/// The chat, and whether the label is on it.
async fn put(client: &TestClient, seen: usize, label: &str) -> (String, bool) {
    client
        .event_after(seen, |event| match event {
            Event::LabelAssociationUpdate(update) if update.label_id == label => {
                Some((update.chat_jid.to_string(), update.action.labeled == Some(true)))
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_companion_is_told_of_labels_as_they_change() {
    let (sim, ana, bia, client) = scene().await;
    for (name, color) in [("New", 1), ("Customer", 1), ("Customer", 7)] {
        let seen = client.seen();
        ana.edit_label("5", name, color).await.unwrap();
        assert_eq!(edited(&client, seen, "5").await, (Some(name.to_owned()), Some(color), false));
    }
    let group = sim.create_group(BIA, "Two", &[ANA]).await.unwrap();
    for chat in [bia.jid(), group] {
        for labeled in [true, false] {
            let seen = client.seen();
            ana.label_chat("5", &chat, labeled).await.unwrap();
            assert_eq!(put(&client, seen, "5").await, (chat.clone(), labeled));
        }
    }
    let seen = client.seen();
    ana.delete_label("5").await.unwrap();
    assert_eq!(edited(&client, seen, "5").await, (None, None, true));
    eventually("empty queues", async || sim.stats().queued == 0).await;
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn a_companion_that_was_away_or_comes_late_learns_of_the_labels_there_are() {
    let (sim, ana, bia, client) = scene().await;
    ana.edit_label("1", "Known", 1).await.unwrap();
    edited(&client, 0, "1").await;
    let store = client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    ana.edit_label("2", "Missed", 2).await.unwrap();
    ana.label_chat("2", BIA, true).await.unwrap();
    let client = TestClient::with_store(&sim, "Ana", store).await;
    assert_eq!(put(&client, 0, "2").await, (bia.jid(), true));
    let late = TestClient::linked(&sim, &ana).await;
    assert_eq!(edited(&late, 0, "1").await, (Some("Known".to_owned()), Some(1), false));
}

#[tokio::test]
async fn phone_and_companion_both_label() {
    let (_sim, ana, bia, client) = scene().await;
    ana.edit_label("1", "Phone's", 1).await.unwrap();
    edited(&client, 0, "1").await;
    client.client.labels().create_label("2", "Client's", 2).await.unwrap();
    client.client.labels().add_chat_label("2", &bia.jid().parse().unwrap()).await.unwrap();
    // It builds on what the companion has written.
    let seen = client.seen();
    ana.edit_label("1", "Still the phone's", 3).await.unwrap();
    let expected = (Some("Still the phone's".to_owned()), Some(3), false);
    assert_eq!(edited(&client, seen, "1").await, expected);
}

#[tokio::test]
async fn labels_are_asked_for_over_http() {
    let (sim, _ana, bia, client) = scene().await;
    let program = Program::new(&sim);
    let labels = format!("/phones/{ANA}/labels");
    program.post(&labels, json!({ "id": "3", "name": "VIP", "color": 4 })).await;
    assert_eq!(edited(&client, 0, "3").await, (Some("VIP".to_owned()), Some(4), false));
    program.post(&format!("{labels}/3"), json!({ "chat": BIA, "labeled": true })).await;
    assert_eq!(put(&client, 0, "3").await, (bia.jid(), true));
    let seen = client.seen();
    program.request(reqwest::Method::DELETE, &format!("{labels}/3"), String::new()).await;
    assert!(edited(&client, seen, "3").await.2);
    let nameless = json!({ "id": "3", "name": " " });
    refused(&program.post(&labels, nameless).await, reqwest::StatusCode::BAD_REQUEST);
    let nobody = json!({ "chat": "5511999990009", "labeled": true });
    refused(&program.post(&format!("{labels}/3"), nobody).await, reqwest::StatusCode::NOT_FOUND);
}
