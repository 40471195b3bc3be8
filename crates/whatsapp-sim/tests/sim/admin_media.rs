//! Files, the past and pictures, as programs in any language ask for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use wharf_whatsapp_sim::Simulator;

use crate::admin::{Program, refused};
use crate::client::TestClient;

const ANA: &str = "5511999990001";
const BRUNO: &str = "5511999990002";

async fn scene() -> (Simulator, Program) {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    program.phone(BRUNO, "Bruno").await;
    (sim, program)
}

#[tokio::test]
async fn a_file_is_sent_described_and_fetched_by_http() {
    let (_sim, program) = scene().await;
    // More than a request may have elsewhere.
    let bytes = vec![7; 12 << 20];
    let file = json!({
        "to": ANA, "kind": "document", "base64": STANDARD.encode(&bytes),
        "mimeType": "application/pdf", "fileName": "report.pdf", "caption": "look",
    });
    let (status, sent) = program.post(&format!("/phones/{BRUNO}/send-media"), file).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    let id = sent["messageId"].as_str().unwrap();

    let shown = program.get(&format!("/phones/{ANA}/messages")).await;
    let message = &shown["messages"][0];
    assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("document")));
    let mut media = message["media"].clone();
    assert_eq!(media["sha256"].take().as_str().map(str::len), Some(64));
    let expected = json!({
        "kind": "document", "mimeType": "application/pdf", "size": 12 << 20, "sha256": null,
        "fileName": "report.pdf", "caption": "look", "seconds": null, "waveform": null,
        "thumbnail": false, "width": null, "height": null,
    });
    assert_eq!(media, expected);

    let url = format!("{}/admin/phones/{ANA}/messages/{id}/media", program.base);
    let response = program.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/pdf");
    assert!(response.bytes().await.unwrap() == bytes);
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let (_sim, program) = scene().await;
    let send_media = format!("/phones/{ANA}/send-media");
    for (to, kind, base64, status) in [
        (BRUNO, "hologram", "", StatusCode::BAD_REQUEST),
        (BRUNO, "image", "?", StatusCode::BAD_REQUEST),
        ("5511999990009", "image", "AA==", StatusCode::NOT_FOUND),
    ] {
        let file = json!({ "to": to, "kind": kind, "base64": base64 });
        refused(&program.post(&send_media, file).await, status);
    }
    let text = json!({ "to": BRUNO, "text": "hi" });
    let (_, sent) = program.post(&format!("/phones/{ANA}/send"), text).await;
    for id in [sent["messageId"].as_str().unwrap(), "unknown"] {
        let path = format!("/phones/{ANA}/messages/{id}/media");
        let answer = program.request(reqwest::Method::GET, &path, String::new()).await;
        refused(&answer, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_past_is_given_and_watched_by_http() {
    let (sim, program) = scene().await;
    let path = format!("/phones/{ANA}/history");
    let message = json!({ "with": BRUNO, "text": "hi", "at": "2026-01-02T03:04:05Z" });
    let (status, answer) = program.post(&path, json!({ "messages": [message] })).await;
    assert_eq!((status, answer), (StatusCode::ACCEPTED, json!({})));
    for message in [
        json!({ "with": BRUNO, "text": "hi", "at": "yesterday" }),
        json!({ "with": "Bruno", "text": "hi", "at": "2026-01-02T03:04:05Z" }),
    ] {
        let answer = program.post(&path, json!({ "messages": [message] })).await;
        refused(&answer, StatusCode::BAD_REQUEST);
    }
    let _client = TestClient::linked(&sim, &sim.phone(ANA).unwrap()).await;
    let told = async || {
        let told = program.get(&path).await;
        let offers = told["offers"].as_array().unwrap().clone();
        offers.len() == 2 && offers.iter().all(|offer| offer["acknowledged"] == true)
    };
    crate::client::eventually("two offers", told).await;
    let mut told = program.get(&path).await;
    let mut first = told["offers"][0].take();
    assert!(first["messageId"].take().is_string());
    let expected = json!({
        "device": 1, "messageId": null, "type": "INITIAL_BOOTSTRAP", "chunk": 1, "progress": 100,
        "messages": 1, "acknowledged": true, "downloads": 0,
    });
    assert_eq!(first, expected);
}

#[tokio::test]
async fn a_picture_is_set_and_taken_away_by_http() {
    let (sim, program) = scene().await;
    let client = TestClient::linked(&sim, &sim.phone(ANA).unwrap()).await;
    let path = format!("/phones/{BRUNO}/picture");
    let jid = whatsapp_rust::Jid::pn(BRUNO);
    let seen = async || {
        let picture = client.client.contacts().get_profile_picture(&jid, true).await.unwrap();
        picture.map(|picture| picture.url)
    };
    let url = "https://pictures.test/bruno.jpg";
    let set = program.post(&path, json!({ "url": url })).await;
    assert_eq!(set, (StatusCode::OK, json!({})));
    assert_eq!(seen().await.as_deref(), Some(url));
    program.post(&path, json!({})).await;
    assert_eq!(seen().await, None);
    refused(&program.post(&path, json!({ "url": "bruno.jpg" })).await, StatusCode::BAD_REQUEST);
}
