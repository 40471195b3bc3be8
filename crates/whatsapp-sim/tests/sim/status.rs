//! The status: shown to those its author chooses.

use reqwest::StatusCode;
use serde_json::json;
use waproto::whatsapp::message::extended_text_message::FontType;
use wharf_whatsapp_sim::{Receipt, Simulator};
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::{Jid, StatusSendOptions};

use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";
const CAIO: &str = "5511999990003";
const STATUS: &str = "status@broadcast";

#[tokio::test]
async fn a_status_is_seen_by_those_it_is_for_and_by_the_authors_own_devices() {
    for by_lid in [false, true] {
        let sim = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bia = sim.create_phone(BIA, "Bia").unwrap();
        let caio = sim.create_phone(CAIO, "Caio").unwrap();
        let client = TestClient::linked(&sim, &ana).await;
        let own = TestClient::linked(&sim, &bia).await;
        for text in ["good morning", "good night"] {
            let id = bia.post_status(text, &[ANA]).await.unwrap();
            let (_, info) = client.text(text).await;
            assert_eq!((&info.id, info.source.chat.to_string()), (&id, STATUS.to_owned()));
            assert_eq!(info.source.sender.to_string(), if by_lid { bia.lid() } else { bia.jid() });
            assert_eq!(info.push_name, "Bia");
            assert!(!info.source.is_from_me);
            assert!(own.text(text).await.1.source.is_from_me);
            let seen = ana.wait_for_message(|message| message.id == id).await.unwrap();
            assert_eq!((seen.chat, seen.from), (STATUS.to_owned(), bia.jid()));
            bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
            let (chat, sender) = (Jid::status_broadcast(), info.source.sender.clone());
            client.client.mark_as_read(&chat, Some(&sender), &[id.as_str()]).await.unwrap();
            bia.wait_for_receipt(&id, Receipt::Read).await.unwrap();
        }
        // To somebody else, and so with another key.
        bia.post_status("for Caio", &[CAIO]).await.unwrap();
        caio.wait_for_message(|m| m.text.as_deref() == Some("for Caio")).await.unwrap();
        own.text("for Caio").await;
        bia.post_status("for all", &[ANA, CAIO]).await.unwrap();
        client.text("for all").await;
        own.text("for all").await;
        assert_eq!(client.texts("for Caio"), 0);
        assert!(bia.post_status("x", &["5511999990009"]).await.is_err());
        eventually("empty queues", async || sim.stats().queued == 0).await;
        assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
    }
}

#[tokio::test]
async fn a_client_shows_a_status_too() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    let theirs = TestClient::linked(&sim, &bia).await;
    let sent = client
        .client
        .status()
        .send_text(
            "at the sea",
            0xFF1E_6E4F,
            FontType::SYSTEM,
            &[bia.lid().parse().unwrap()],
            StatusSendOptions::default(),
        )
        .await
        .unwrap();
    let (_, info) = theirs.text("at the sea").await;
    assert_eq!(info.source.chat.to_string(), STATUS);
    for phone in [&ana, &bia] {
        let seen = phone.wait_for_message(|message| message.id == sent.message_id).await.unwrap();
        assert_eq!((seen.chat, seen.from), (STATUS.to_owned(), ana.jid()));
    }
    client.receipt(&sent.message_id, ReceiptType::Delivered).await;
    eventually("empty queues", async || sim.stats().queued == 0).await;
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn calls_groups_and_status_are_asked_for_over_http() {
    let sim = Simulator::start().await.unwrap();
    sim.create_phone(ANA, "Ana").unwrap();
    sim.create_phone(BIA, "Bia").unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |path: &str, body: serde_json::Value| {
        let url = format!("{}/admin{path}", sim.admin_url());
        let answer = http.post(url).body(body.to_string()).send().await.unwrap();
        (answer.status(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let get = async |path: &str| {
        let url = format!("{}/admin{path}", sim.admin_url());
        http.get(url).send().await.unwrap().json::<serde_json::Value>().await.unwrap()
    };

    let (status, made) =
        post("/groups", json!({ "owner": ANA, "subject": "Two", "members": [BIA] })).await;
    assert_eq!(status, StatusCode::CREATED);
    let (ana, jid) = (format!("/phones/{ANA}"), made["jid"].as_str().unwrap());
    assert!(jid.ends_with("@g.us"));
    post(&format!("{ana}/send"), json!({ "to": jid, "text": "hello, both" })).await;
    post(&format!("{ana}/status"), json!({ "text": "busy", "to": [BIA] })).await;
    let seen = get(&format!("/phones/{BIA}/messages")).await;
    assert_eq!(
        (&seen["messages"][0]["chat"], &seen["messages"][0]["text"]),
        (&json!(jid), &json!("hello, both"))
    );
    assert_eq!(seen["messages"][1]["chat"], STATUS);

    let (status, call) = post(&format!("{ana}/call"), json!({ "to": BIA })).await;
    assert_eq!(status, StatusCode::CREATED);
    let id = call["callId"].as_str().unwrap();
    let calls = get(&format!("/phones/{BIA}/calls")).await;
    let peer = format!("{ANA}@s.whatsapp.net");
    let expected = json!({ "callId": id, "peer": peer, "outgoing": false, "video": false, "state": "ringing" });
    assert_eq!(calls, json!({ "calls": [expected] }));
    let url = format!("{}/admin{ana}/calls/{id}", sim.admin_url());
    assert_eq!(http.delete(url).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(get(&format!("/phones/{BIA}/calls")).await["calls"][0]["state"], "ended");
}
