//! What changes in groups.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

async fn flow(scene: &Scene, name: &str, kind: &str, wanted: impl Fn(&Value) -> bool) {
    let is_it = |data: &Value| data["type"] == kind && wanted(data);
    let came = scene.wait(name, "group.flow", is_it).await;
    scene.pin(&format!("group_{name}"), &came);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_settings() {
    let scene = Scene::paired().await;
    let group = scene.group(BIA, "Pedidos", &[ANA]).await;
    let at = format!("groups/{group}");
    let change = |body: Value| scene.act(BIA, &at, body);
    flow(&scene, "create", "create", |_| true).await;
    let steps = [
        ("joined", "joined", json!({ "action": "add", "members": [CAIO] })),
        ("promoted", "promoted", json!({ "action": "promote", "members": [CAIO] })),
        ("demoted", "demoted", json!({ "action": "demote", "members": [CAIO] })),
        ("removed", "left", json!({ "action": "remove", "members": [CAIO] })),
        ("name", "name", json!({ "action": "subject", "subject": "Pedidos de hoje" })),
        ("topic", "topic", json!({ "action": "description", "text": "Só pedidos" })),
        ("announce", "announce", json!({ "action": "announcement", "on": true })),
        ("locked", "locked", json!({ "action": "locked", "on": true })),
        ("link", "link", json!({ "action": "resetInvite" })),
        ("ephemeral", "ephemeral", json!({ "action": "ephemeral", "seconds": 604_800 })),
        (
            "member_add_mode",
            "member_add_mode",
            json!({ "action": "memberAddMode", "mode": "admin_add" }),
        ),
        ("approval", "approval", json!({ "action": "approval", "on": true })),
        ("other", "suspended", json!({ "action": "other", "tag": "suspended" })),
    ];
    for (name, kind, body) in steps {
        change(body).await;
        flow(&scene, name, kind, |_| true).await;
    }
    // What can be turned off again says so.
    let steps = [
        ("topic_taken_away", "topic", "topic", json!({ "action": "description", "text": null })),
        ("announce_off", "announce", "announce", json!({ "action": "announcement", "on": false })),
        ("ephemeral_off", "ephemeral", "ephemeral", json!({ "action": "ephemeral", "seconds": 0 })),
        ("locked_off", "locked", "locked", json!({ "action": "locked", "on": false })),
    ];
    for (name, kind, key, body) in steps {
        change(body).await;
        let off = [Value::Null, json!(false), json!(0)];
        flow(&scene, name, kind, |data| off.contains(&data[key])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_to_be_let_in_comes_in_and_leaves() {
    let scene = Scene::paired().await;
    let group = scene.group(BIA, "Pedidos", &[ANA]).await;
    let at = format!("groups/{group}");
    // Only admins hear of it.
    scene.act(BIA, &at, json!({ "action": "promote", "members": [ANA] })).await;
    flow(&scene, "own_promotion", "promoted", |_| true).await;
    scene.act(BIA, &at, json!({ "action": "approval", "on": true })).await;
    let path = format!("phones/{BIA}/{at}/invite");
    let code = scene.ask(Method::GET, &path, Value::Null).await["code"].clone();
    scene.act(CAIO, "join", json!({ "code": code })).await;
    flow(&scene, "join_requested", "join_requested", |_| true).await;
    scene.act(BIA, &at, json!({ "action": "reject", "members": [CAIO] })).await;
    flow(&scene, "join_request_revoked", "join_request_revoked", |_| true).await;
    scene.act(CAIO, "join", json!({ "code": code })).await;
    scene.act(BIA, &at, json!({ "action": "approve", "members": [CAIO] })).await;
    flow(&scene, "let_in", "joined", |_| true).await;
    scene.act(CAIO, &at, json!({ "action": "leave" })).await;
    flow(&scene, "left", "left", |_| true).await;
    scene.act(BIA, &at, json!({ "action": "approval", "on": false })).await;
    flow(&scene, "approval_off", "approval", |data| data["approval"] == false).await;
    scene.act(CAIO, "join", json!({ "code": code })).await;
    flow(&scene, "joined_by_link", "joined", |data| data["reason"] == "invite").await;
    scene.act(BIA, &at, json!({ "action": "delete" })).await;
    flow(&scene, "delete", "delete", |_| true).await;
    let told: Vec<_> = scene.all("group.flow").iter().map(|flow| flow["type"].clone()).collect();
    scene.snapshot("groups_in_order", &Value::from(told));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_added_to_a_group_and_removed() {
    let scene = Scene::paired().await;
    let group = scene.group(BIA, "Pedidos", &[CAIO]).await;
    let at = format!("groups/{group}");
    scene.act(BIA, &at, json!({ "action": "add", "members": [ANA] })).await;
    flow(&scene, "own_joining", "joined", |_| true).await;
    scene.act(BIA, &at, json!({ "action": "remove", "members": [ANA] })).await;
    flow(&scene, "own_removal", "left", |_| true).await;
}
