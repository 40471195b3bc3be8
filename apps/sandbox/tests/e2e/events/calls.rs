//! Calls.

use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

async fn call(scene: &Scene, from: &str, name: &str, body: Value) -> String {
    let made = scene.act(from, "call", body).await;
    scene.name_id(&made["callId"], name)
}

async fn act(scene: &Scene, number: &str, call: &str, body: Value) {
    scene.act(number, &format!("calls/{call}"), body).await;
}

async fn update(scene: &Scene, name: &str, kind: &str, call: &str) {
    let is_it = |data: &Value| data["type"] == kind && data["callId"] == call;
    let came = scene.wait(name, "call.update", is_it).await;
    scene.pin(&format!("call_{name}"), &came);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_their_offer_to_their_end() {
    let scene = Scene::paired().await;
    let missed = call(&scene, BIA, "missed call", json!({ "to": ANA })).await;
    update(&scene, "offer", "offer", &missed).await;
    act(&scene, BIA, &missed, json!({ "action": "measureLatency" })).await;
    update(&scene, "latency", "latency", &missed).await;
    act(&scene, BIA, &missed, json!({ "action": "timeOut" })).await;
    update(&scene, "missed", "terminated", &missed).await;

    let taken = call(&scene, BIA, "video call", json!({ "to": ANA, "video": true })).await;
    update(&scene, "offer_of_video", "offer", &taken).await;
    act(&scene, ANA, &taken, json!({ "action": "accept", "relayed": true })).await;
    update(&scene, "accepted", "accepted", &taken).await;
    act(&scene, BIA, &taken, json!({ "action": "hangUp", "seconds": 42 })).await;
    update(&scene, "terminated", "terminated", &taken).await;

    let declined = call(&scene, BIA, "declined call", json!({ "to": ANA })).await;
    update(&scene, "offer_of_another", "offer", &declined).await;
    act(&scene, ANA, &declined, json!({ "action": "hangUp" })).await;
    update(&scene, "rejected", "rejected", &declined).await;

    let group = scene.group(BIA, "Pedidos", &[ANA, CAIO]).await;
    let rings = call(&scene, BIA, "group's call", json!({ "to": group })).await;
    update(&scene, "offer_to_a_group", "offer", &rings).await;
    let silent = call(&scene, CAIO, "silent call", json!({ "to": group, "rings": false })).await;
    update(&scene, "notification", "notification", &silent).await;
    // Each told once, whatever was pinned.
    scene.settle(BIA, ANA).await;
    let told: Vec<_> = scene
        .all("call.update")
        .into_iter()
        .map(|call| json!([call["callId"], call["type"]]))
        .collect();
    scene.snapshot("calls_in_order", &Value::from(told));
}
