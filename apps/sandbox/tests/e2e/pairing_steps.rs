//! Pairing, step by step: whatever happens in between, the next attempt works.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{ANA, BIA, World, until};

const CONNECT: &str = "/api/instance/connect/sales";

/// An instance that is not paired.
async fn unpaired() -> World {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world
}

async fn qr(world: &World) -> String {
    let (status, answer) = world.gateway.get(CONNECT).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["qrCode"].as_str().unwrap().to_owned()
}

async fn code(world: &World) -> String {
    let (status, answer) = world.gateway.get(&format!("{CONNECT}?number={ANA}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["pairingCode"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_pairing_is_told() {
    let world = unpaired().await;
    let shown = qr(&world).await;
    let ready = world.receiver.wait_for_state("qr_ready").await;
    let codes = ready.body["data"]["codes"].as_array().unwrap();
    assert!(codes.contains(&json!(shown)), "{codes:?}");
    world.whatsapp.scan(ANA, &shown).await;
    world.receiver.wait_for_state("pair_success").await;
    world.receiver.wait_for_state("connected").await;
    let states: Vec<_> = world
        .receiver
        .received()
        .into_iter()
        .filter(|r| r.body["event"] == "instance.state")
        .map(|r| r.body["data"]["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["qr_ready", "pair_success", "connected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_attempt_leaves_a_clean_slate() {
    let world = unpaired().await;
    let cancelled = json!({
        "success": true, "message": "Connection attempt cancelled", "status": "disconnected"
    });
    // Nothing under way is no reason to complain.
    assert_eq!(world.gateway.delete(CONNECT).await, (StatusCode::OK, cancelled.clone()));
    let shown = qr(&world).await;
    assert_eq!(world.gateway.state("sales").await, "connecting");
    assert_eq!(world.gateway.delete(CONNECT).await, (StatusCode::OK, cancelled));
    assert_eq!(world.gateway.state("sales").await, "disconnected");
    world.whatsapp.scan_in_vain(ANA, &shown).await;
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 1);

    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    let (status, answer) = world.gateway.delete(CONNECT).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(answer["error"]["message"], "Instance is already connected");
    assert_eq!(world.gateway.state("sales").await, "connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_waits_is_told_that_somebody_cancelled() {
    let mut world = unpaired().await;
    world.whatsapp.kill();
    let silent = world.whatsapp.listen_in_silence().await;
    let waiting = world.gateway.get(CONNECT);
    let cancel = async {
        let _attempt = silent.accept().await.unwrap();
        world.gateway.delete(CONNECT).await
    };
    let ((status, answer), _) = tokio::join!(waiting, cancel);
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    assert_eq!(world.gateway.state("sales").await, "disconnected");
    drop(silent);
    world.whatsapp.restart();
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_can_be_had_after_a_qr_was_shown() {
    let world = unpaired().await;
    qr(&world).await;
    let code = code(&world).await;
    world.whatsapp.enter_code(ANA, &code).await;
    world.gateway.wait_for_state("sales", "connected").await;
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 2);
    let (status, answer) = world.gateway.send("sales", BIA, "by code after all").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_qr_that_was_shown_works_although_a_code_was_asked_for() {
    let world = unpaired().await;
    let shown = qr(&world).await;
    code(&world).await;
    // Whichever picture the user still has before them: the newest one links.
    let shown_now = until("a QR code", || async {
        let (status, answer) = world.gateway.get(CONNECT).await;
        (status == StatusCode::OK).then(|| answer["qrCode"].as_str().map(str::to_owned)).flatten()
    })
    .await;
    assert!(!shown.is_empty());
    world.whatsapp.scan(ANA, &shown_now).await;
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_asked_for_too_often_are_an_error_and_the_qr_still_works() {
    let world = unpaired().await;
    world.whatsapp.fault(json!({ "all": true, "fault": "throttle-codes" })).await;
    let (status, answer) = world.gateway.get(&format!("{CONNECT}?number={ANA}")).await;
    assert!(!status.is_success(), "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Failed to connect: "), "{message}");
    let shown = qr(&world).await;
    world.whatsapp.scan(ANA, &shown).await;
    world.gateway.wait_for_state("sales", "connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_a_pairing_starts_afresh() {
    let mut world = unpaired().await;
    for by_code in [false, true] {
        let shown = if by_code { code(&world).await } else { qr(&world).await };
        world.gateway.kill();
        world.gateway.restart();
        assert_eq!(world.gateway.state("sales").await, "disconnected");
        if !by_code {
            world.whatsapp.scan_in_vain(ANA, &shown).await;
        }
    }
    assert_eq!(world.whatsapp.devices(ANA).await.len(), 1);
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

/// WhatsApp's own times: a minute for the first code and twenty seconds for every other.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three minutes"]
async fn codes_are_refreshed_and_when_the_last_has_expired_the_next_attempt_is_clean() {
    let world = unpaired().await;
    let first = qr(&world).await;
    let refreshed = tokio::time::timeout(Duration::from_secs(90), async {
        loop {
            let now = qr(&world).await;
            if now != first {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let refreshed = refreshed.await.unwrap();
    let told = |code: &str| {
        let code = json!(code);
        let of_codes = |body: &Value| body["data"]["codes"].as_array().cloned().unwrap_or_default();
        world.receiver.received().iter().any(|r| of_codes(&r.body).contains(&code))
    };
    until("the event", || async { told(&refreshed).then_some(()) }).await;
    let expired = tokio::time::timeout(Duration::from_mins(4), async {
        while world.gateway.state("sales").await != "disconnected" {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    expired.await.unwrap();
    world.whatsapp.scan_in_vain(ANA, &refreshed).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnecting_what_was_never_paired_is_refused() {
    let world = unpaired().await;
    let (status, answer) =
        world.gateway.call(Method::POST, "/api/instance/reconnect/sales", json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}
