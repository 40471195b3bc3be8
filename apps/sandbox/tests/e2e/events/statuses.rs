//! What becomes of messages.

use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

/// Sends through the API and waits until it is on the phone.
async fn sent(scene: &Scene, to: &str, on: &str, name: &str) -> String {
    let body = json!({ "number": to, "message": name });
    let answer = scene.world.gateway.post("/api/message/text/sales", body).await;
    let id = scene.name_id(&answer["data"]["messageId"], name);
    scene.world.whatsapp.wait_for_message(on, name, |message| message["id"] == id).await;
    id
}

async fn status(scene: &Scene, name: &str, status: &str, id: &str) {
    let is_it = |data: &Value| {
        data["status"] == status && data["messageIds"].as_array().unwrap().contains(&json!(id))
    };
    let came = scene.wait(name, "message.status", is_it).await;
    scene.pin(&format!("status_{name}"), &came);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nine_in_a_chat_and_some_in_a_group() {
    let scene = Scene::paired().await;
    let id = sent(&scene, BIA, BIA, "sent").await;
    // That it has been delivered the phone says by itself.
    status(&scene, "delivered", "delivered", &id).await;
    for (telling, name) in [
        ("read", "read"),
        ("played", "played"),
        ("inactive", "inactive"),
        ("server-error", "server_error"),
        ("retry", "retry"),
    ] {
        scene.act(BIA, "receipt", json!({ "messageIds": [id], "type": telling })).await;
        status(&scene, name, name, &id).await;
    }
    scene.world.whatsapp.wait_for_message(ANA, "sent", |message| message["id"] == id).await;
    scene.act(ANA, "receipt", json!({ "messageIds": [id], "type": "sender" })).await;
    status(&scene, "sender", "sender", &id).await;

    let one = scene.say(BIA, ANA, "one", json!({ "kind": "text", "text": "one" })).await;
    let two = scene.say(BIA, ANA, "two", json!({ "kind": "text", "text": "two" })).await;
    scene.world.whatsapp.wait_for_message(ANA, "two", |message| message["id"] == two).await;
    let body = json!({ "messageIds": [one, two], "type": "read-self" });
    scene.act(ANA, "receipt", body).await;
    status(&scene, "read_self", "read_self", &two).await;
    scene.act(ANA, "receipt", json!({ "messageIds": [one], "type": "played-self" })).await;
    status(&scene, "played_self", "played_self", &one).await;

    let group = scene.group(BIA, "Pedidos", &[ANA, CAIO]).await;
    let id = sent(&scene, &group, BIA, "to the group").await;
    scene.act(BIA, "receipt", json!({ "messageIds": [id], "type": "read" })).await;
    status(&scene, "group_read", "read", &id).await;
}
