//! Labels that the account's owner makes and puts on chats.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

async fn update(scene: &Scene, name: &str, count: usize) {
    let is_it = |_: &Value| scene.all("label.update").len() == count;
    let what = format!("label change {count}");
    scene.wait(&what, "label.update", is_it).await;
    let received = scene.world.receiver.received();
    let last = received.iter().rfind(|r| r.body["event"] == "label.update").unwrap();
    scene.pin(&format!("label_{name}"), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn made_changed_put_on_taken_off_and_deleted() {
    let scene = Scene::paired().await;
    let group = scene.group(BIA, "Pedidos", &[ANA, CAIO]).await;
    let label = |name: &str, color: u8| json!({ "id": "7", "name": name, "color": color });
    scene.act(ANA, "labels", label("Pago", 3)).await;
    update(&scene, "made", 1).await;
    scene.act(ANA, "labels", label("Pago e enviado", 5)).await;
    update(&scene, "changed", 2).await;
    scene.act(ANA, "labels/7", json!({ "chat": BIA, "labeled": true })).await;
    update(&scene, "put_on", 3).await;
    scene.act(ANA, "labels/7", json!({ "chat": group, "labeled": true })).await;
    update(&scene, "put_on_a_group", 4).await;
    scene.act(ANA, "labels/7", json!({ "chat": BIA, "labeled": false })).await;
    update(&scene, "taken_off", 5).await;
    scene.ask(Method::DELETE, &format!("phones/{ANA}/labels/7"), Value::Null).await;
    update(&scene, "deleted", 6).await;
}
