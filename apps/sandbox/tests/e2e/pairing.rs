//! Pairing, and what may go wrong with it.

use reqwest::StatusCode;
use serde_json::json;

use crate::{ANA, BIA, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_links_the_device_too() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let path = format!("/api/instance/connect/sales?number={ANA}");
    let (status, answer) = world.gateway.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["status"], "pairing");
    let code = answer["pairingCode"].as_str().unwrap();
    assert_eq!(code.len(), 9, "{code}");
    world.whatsapp.enter_code(ANA, code).await;
    world.gateway.wait_for_state("sales", "connected").await;
    let (status, answer) = world.gateway.send("sales", BIA, "linked by code").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "linked by code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_what_is_connected_leaves_the_session_alone() {
    let world = World::paired().await;
    let before = world.whatsapp.devices(ANA).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer,
        json!({ "success": true, "message": "Instance is already connected", "status": "connected" })
    );
    assert_eq!(world.whatsapp.devices(ANA).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_caller_joins_the_pairing_of_the_first() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let path = "/api/instance/connect/sales";
    let ((first, one), (second, two)) =
        tokio::join!(world.gateway.get(path), world.gateway.get(path));
    assert_eq!((first, second), (StatusCode::OK, StatusCode::OK), "{one} {two}");
    assert_eq!(one["qrCode"], two["qrCode"]);
    world.whatsapp.scan(ANA, two["qrCode"].as_str().unwrap()).await;
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_the_phone_forbids_is_an_error_and_the_next_one_works() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "forbid-pairing", "count": 1 })).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.clear_faults().await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_while_whatsapp_is_down_is_a_clear_error_in_time() {
    let mut world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.whatsapp.kill();
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Failed to connect: "), "{message}");
    assert_eq!(world.gateway.state("sales").await, "disconnected");
    world.whatsapp.restart();
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_while_connecting_leaves_nothing() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer2) = world.gateway.delete("/api/instance/delete/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer2}");
    let (status, _) = world.gateway.get("/api/instance/list?instanceName=sales").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // The code that was shown leads nowhere any more, and the name is free.
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_unlinks_the_device_on_the_phone() {
    let world = World::paired().await;
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 2);
    let (status, answer) = world.gateway.delete("/api/instance/logout/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["instance"]["status"], "loggedout");
    assert_eq!(world.gateway.state("sales").await, "loggedout");
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 1);
    let (status, again) = world.gateway.delete("/api/instance/logout/sales").await;
    assert_eq!(status, StatusCode::OK, "{again}");
    let (status, answer) = world.gateway.send("sales", BIA, "too late").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let path = "/api/instance/reconnect/sales";
    let (status, answer) = world.gateway.call(reqwest::Method::POST, path, json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_unlinks_the_device_on_the_phone() {
    let world = World::paired().await;
    let (status, answer) = world.gateway.delete("/api/instance/delete/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 1);
}
