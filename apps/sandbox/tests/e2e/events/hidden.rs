//! People who keep their number to themselves, until it is learnt.

use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

fn text(text: &str) -> Value {
    json!({ "kind": "text", "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_learnt_later_is_told_from_then_on_in_what_was_recorded_before_too() {
    let scene = Scene::paired().await;
    scene.act(BIA, "hide", json!({})).await;
    let before = scene.say(BIA, ANA, "before", text("Quem sou eu?")).await;
    let first = scene.wait("a text", "message.exchange", |data| data["id"] == before).await;
    scene.pin("hidden_sender", &first);
    let call = scene.act(BIA, "call", json!({ "to": ANA })).await;
    let call = scene.name_id(&call["callId"], "call");
    let came = scene.wait("a call", "call.update", |data| data["callId"] == call).await;
    scene.pin("hidden_caller", &came);
    scene.act(BIA, &format!("calls/{call}"), json!({ "action": "timeOut" })).await;

    let group = scene.group(CAIO, "Pedidos", &[ANA]).await;
    let at = format!("groups/{group}");
    scene.act(CAIO, &at, json!({ "action": "add", "members": [BIA] })).await;
    let joined = |data: &Value| data["type"] == "joined";
    let came = scene.wait("somebody who joined", "group.flow", joined).await;
    scene.pin("hidden_member", &came);
    let said = scene.say(BIA, &group, "said in the group", text("Oi, gente")).await;
    let came = scene.wait("a text", "message.exchange", |data| data["id"] == said).await;
    scene.pin("hidden_sender_in_a_group", &came);

    scene.act(BIA, "reveal", json!({})).await;
    let after = scene.say(BIA, ANA, "after", text("Sou a Bia")).await;
    let came = scene.wait("a text", "message.exchange", |data| data["id"] == after).await;
    scene.pin("revealed_sender", &came);
    scene.act(CAIO, &at, json!({ "action": "promote", "members": [BIA] })).await;
    let promoted = |data: &Value| data["type"] == "promoted";
    let came = scene.wait("somebody promoted", "group.flow", promoted).await;
    scene.pin("revealed_member", &came);
    let again = scene.act(BIA, "call", json!({ "to": ANA })).await;
    let again = scene.name_id(&again["callId"], "call again");
    let came = scene.wait("a call", "call.update", |data| data["callId"] == again).await;
    scene.pin("revealed_caller", &came);

    // What was recorded before is told again, with the number.
    let id = first.body["eventId"].clone();
    let body = json!({ "label": "default", "events": [id] });
    let answer = scene.world.gateway.post("/api/events/replay/sales", body).await;
    assert_eq!(answer["queued"], 1, "{answer}");
    let twice = |r: &crate::receiver::Received| {
        r.body["eventId"] == id
            && r.body["data"]["sender"]["jid"] != first.body["data"]["sender"]["jid"]
    };
    let replayed = scene.world.receiver.wait_for("the replay", twice).await;
    assert_eq!(replayed.headers["webhook-id"], first.headers["webhook-id"]);
    scene.pin("revealed_in_a_replay", &replayed);
    let (_, log) = scene.world.gateway.get("/api/events/log/sales?limit=500").await;
    let events = log["events"].as_array().unwrap();
    let logged = events.iter().find(|event| event["eventId"] == id).unwrap();
    assert_eq!(logged["data"], replayed.body["data"]);
}
