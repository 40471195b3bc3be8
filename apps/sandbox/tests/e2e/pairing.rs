//! Pairing, and what may go wrong with it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::{ANA, BIA, DEADLINE, World};

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
async fn a_pairing_the_phone_forbids_links_nothing_until_it_is_allowed() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "forbid-pairing" })).await;
    let (status, answer) = world.gateway.get("/api/instance/connect/sales").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let said = world.whatsapp.scan_in_vain(ANA, answer["qrCode"].as_str().unwrap()).await;
    assert!(said.contains("may not link devices"), "{said}");
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 1);
    assert_ne!(world.gateway.state("sales").await, "connected");
    world.whatsapp.clear_faults().await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_the_phone_forbids_is_an_error_until_it_is_allowed() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.whatsapp.fault(json!({ "number": ANA, "fault": "forbid-pairing" })).await;
    let path = format!("/api/instance/connect/sales?number={ANA}");
    let (status, answer) = world.gateway.get(&path).await;
    assert!(!status.is_success(), "{answer}");
    assert_ne!(answer["error"]["message"], serde_json::Value::Null, "{answer}");
    world.whatsapp.clear_faults().await;
    let (status, answer) = world.gateway.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.enter_code(ANA, answer["pairingCode"].as_str().unwrap()).await;
    world.gateway.wait_for_state("sales", "connected").await;
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

/// However a removal meets connections that are being made: the instance is gone, its device too, and its name is free.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_while_connects_keep_coming_leaves_nothing() {
    const ROUNDS: usize = 8;
    let mut world = World::new().await;
    for round in 0..ROUNDS {
        world.gateway.create("sales", &world.receiver.url()).await;
        if round % 2 == 1 {
            world.gateway.pair("sales", &world.whatsapp, ANA).await;
        }
        let gateway = &world.gateway;
        let path = "/api/instance/connect/sales";
        let connects = || async move {
            // Until it is told that there is nothing to connect.
            loop {
                let (status, answer) = gateway.get(path).await;
                if status == StatusCode::NOT_FOUND {
                    return;
                }
                let fine = status.is_success() || status.is_server_error();
                assert!(fine, "{status} {answer}");
            }
        };
        let delete = async {
            // At a different moment of the connecting in every round.
            tokio::time::sleep(Duration::from_millis(7 * round as u64)).await;
            let (status, answer) = gateway.delete("/api/instance/delete/sales").await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            let (status, answer) = gateway.get("/api/instance/list?instanceName=sales").await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
        };
        let all = async { tokio::join!(connects(), connects(), connects(), delete) };
        tokio::time::timeout(DEADLINE, all).await.unwrap();
        assert_eq!(world.whatsapp.devices(ANA).await.len(), 1, "the device is unlinked");
    }
    // A restart finds no keys without an instance.
    world.gateway.kill();
    world.gateway.restart();
    assert!(!world.gateway.log().contains("instances that are no more"));
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}
