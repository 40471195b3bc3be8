//! What people say in a chat with the account.

use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

fn text(text: &str) -> Value {
    json!({ "kind": "text", "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn words_places_people_and_taps() {
    let scene = Scene::paired().await;
    let plain = scene.say(BIA, ANA, "text", text("Olá, tudo bem?")).await;
    scene.message("text", &plain).await;
    let table = [
        ("quote", json!({ "message": text("Respondendo"), "quotedId": plain })),
        (
            "mentions",
            json!({ "message": text("Fala com @5511999990003"), "mentions": [CAIO, ANA] }),
        ),
        ("forwarded", json!({ "message": text("Repassando"), "forwarded": true })),
        (
            "location",
            json!({ "message": {
                "kind": "location", "latitude": -23.5505, "longitude": -46.6333,
                "name": "Praça da Sé", "address": "São Paulo",
            }}),
        ),
        (
            "live_location",
            json!({ "message": {
                "kind": "live-location", "latitude": -22.9, "longitude": -43.2,
                "caption": "a caminho", "sequence": 1,
            }}),
        ),
        ("contact", json!({ "message": { "kind": "contact", "name": "Caio", "number": CAIO } })),
        (
            "contacts",
            json!({ "message": { "kind": "contacts", "contacts": [
                { "name": "Caio", "number": CAIO }, { "name": "Bia", "number": BIA },
            ]}}),
        ),
        (
            "buttons_response",
            json!({ "message": {
                "kind": "button-reply", "buttonId": "sim", "text": "Sim, quero", "messageId": plain,
            }}),
        ),
        (
            "template_button_reply",
            json!({ "message": {
                "kind": "template-reply", "buttonId": "ver", "text": "Ver mais", "index": 1,
                "messageId": plain,
            }}),
        ),
        (
            "list_response",
            json!({ "message": {
                "kind": "list-reply", "rowId": "pix", "title": "Pix", "description": "na hora",
                "messageId": plain,
            }}),
        ),
        (
            "interactive",
            json!({ "message": {
                "kind": "flow-reply", "name": "quick_reply",
                "params": { "id": "confirmar", "flow_token": "pedido-17" }, "text": "Confirmar",
                "messageId": plain,
            }}),
        ),
    ];
    for (name, mut body) in table {
        body["to"] = json!(ANA);
        let id = scene.say_so(BIA, name, body).await;
        scene.message(name, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_an_earlier_message() {
    let scene = Scene::paired().await;
    let first = scene.say(BIA, ANA, "first text", text("Chego às 8")).await;
    let reacted = json!({ "kind": "reaction", "messageId": first, "emoji": "👍" });
    let id = scene.say(BIA, ANA, "reaction", reacted).await;
    scene.message("reaction", &id).await;
    let withdrawn = json!({ "kind": "reaction", "messageId": first, "emoji": "" });
    let id = scene.say(BIA, ANA, "withdrawal", withdrawn).await;
    scene.message("reaction_withdrawn", &id).await;

    for (name, sealed) in [("edit", false), ("edit_sealed", true)] {
        let edit = json!({
            "kind": "edit", "messageId": first, "text": format!("Chego às 9 ({name})"),
            "sealed": sealed,
        });
        let id = scene.say(BIA, ANA, name, edit).await;
        scene.message(name, &id).await;
    }
    scene.say(BIA, ANA, "revocation", json!({ "kind": "revoke", "messageId": first })).await;
    let is_revoke = |data: &Value| data["message"]["type"] == "message_revoke";
    let came = scene.wait("a revocation", "message.exchange", is_revoke).await;
    scene.pin("message_revoke", &came);

    let poll = json!({
        "kind": "poll", "question": "Que dia?", "options": ["sexta", "sábado", "domingo"],
        "selectable": 2,
    });
    let poll = scene.say(BIA, ANA, "poll", poll).await;
    scene.message("poll", &poll).await;
    for (name, options) in
        [("poll_vote", vec!["sexta", "domingo"]), ("poll_vote_taken_back", vec![])]
    {
        let vote = json!({ "kind": "poll-vote", "messageId": poll, "options": options });
        let id = scene.say(BIA, ANA, name, vote).await;
        scene.message(name, &id).await;
    }
}
