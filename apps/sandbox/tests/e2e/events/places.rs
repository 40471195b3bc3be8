//! Messages elsewhere than in a chat with somebody who writes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ANA, BIA, CAIO, Scene};

fn text(text: &str) -> Value {
    json!({ "kind": "text", "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_itself_says() {
    let scene = Scene::paired().await;
    let typed = scene.say(ANA, BIA, "typed", text("Já respondo")).await;
    scene.message("from_the_phone", &typed).await;

    for (name, source) in
        [("from_the_api", json!(null)), ("from_the_api_with_source", json!("crm-7"))]
    {
        let mut body = json!({ "number": BIA, "message": format!("Sent {name}") });
        if !source.is_null() {
            body["source"] = source;
        }
        let sent = scene.world.gateway.post("/api/message/text/sales", body).await;
        let id = scene.name_id(&sent["data"]["messageId"], name);
        scene.message(name, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_newsletters_and_statuses() {
    let scene = Scene::paired().await;
    let group = scene.group(BIA, "Pedidos", &[ANA, CAIO]).await;
    let first = scene.say(BIA, &group, "text", text("Bom dia a todos")).await;
    scene.message("group_text", &first).await;
    let body = json!({
        "to": group, "message": text("@5511999990001 viu isto?"), "quotedId": first, "mentions": [ANA],
    });
    let answer = scene.say_so(CAIO, "answer", body).await;
    scene.message("group_quote_and_mention", &answer).await;
    let poll = json!({ "kind": "poll", "question": "Almoço?", "options": ["sim", "não"] });
    let poll = scene.say(BIA, &group, "poll", poll).await;
    let vote = json!({ "kind": "poll-vote", "messageId": poll, "options": ["sim"] });
    let vote = scene.say(CAIO, &group, "vote", vote).await;
    scene.message("group_poll_vote", &vote).await;
    let typed = scene.say(ANA, &group, "typed", text("Vi sim")).await;
    scene.message("group_from_the_phone", &typed).await;
    let body = json!({ "number": group, "message": "Obrigada" });
    let sent = scene.world.gateway.post("/api/message/text/sales", body).await;
    let id = scene.name_id(&sent["data"]["messageId"], "sent");
    scene.message("group_from_the_api", &id).await;
    // An admin takes away what another member has written.
    scene.say(BIA, &group, "revocation", json!({ "kind": "revoke", "messageId": answer })).await;
    let is_revoke = |data: &Value| data["message"]["type"] == "message_revoke";
    let came = scene.wait("a revocation", "message.exchange", is_revoke).await;
    scene.pin("message_group_revoke", &came);

    let body = json!({ "owner": BIA, "name": "Novidades", "subscribers": [ANA] });
    let made = scene.ask(Method::POST, "newsletters", body).await;
    let newsletter = scene.name_id(&made["jid"], "newsletter");
    let post = scene.say(BIA, &newsletter, "post", text("Chegou coisa nova")).await;
    scene.message("newsletter_post", &post).await;

    let body = json!({ "text": "Na praia", "to": [ANA] });
    let shown = scene.act(BIA, "status", body).await;
    let id = scene.name_id(&shown["messageId"], "status");
    scene.message("status", &id).await;
}
