//! The main job, on both databases: create, pair, receive, send, quote, survive a crash, be unlinked.

use reqwest::StatusCode;
use serde_json::json;

use crate::{ANA, BIA, Options, World, gateway::TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_chat_survives_a_crash_and_ends_with_the_unlinking() {
    first_chat(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_first_chat_survives_a_crash_and_ends_with_the_unlinking_on_postgresql() {
    first_chat(Options::postgres()).await;
}

async fn first_chat(options: Options) {
    let mut world = World::with(options).await;
    let instance = world.gateway.create("sales", &world.receiver.url()).await;
    assert_eq!(instance["status"], "disconnected");
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    world.receiver.wait_for_state("qr_ready").await;
    world.receiver.wait_for_state("pair_success").await;
    let connected = world.receiver.wait_for_state("connected").await;
    assert_eq!(connected.body["data"]["jid"], format!("{ANA}@s.whatsapp.net"));
    assert_eq!(connected.body["instanceData"]["token"], instance["token"]);

    // In.
    let asked = world.whatsapp.send(BIA, ANA, "do you deliver?").await;
    let event = world.receiver.wait_for_text("do you deliver?").await;
    let data = &event.body["data"];
    assert_eq!(data["id"], asked);
    assert_eq!(data["direction"], "incoming");
    assert_eq!(data["sender"]["jid"], format!("{BIA}@s.whatsapp.net"));
    assert_eq!(data["sender"]["name"], "Bia");
    assert_eq!(event.headers["webhook-id"], event.body["eventId"].as_str().unwrap());

    // Out, as a reply.
    let body = json!({ "number": BIA, "message": "we do", "replyTo": asked, "source": "crm" });
    let (status, sent) =
        world.gateway.call(reqwest::Method::POST, "/api/message/text/sales", body).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    assert_eq!(sent["status"], "sent");
    assert_eq!(sent["data"]["source"], "crm");
    assert_eq!(sent["data"]["replyTo"]["messageId"], asked);
    let shown = world.whatsapp.wait_for_text(BIA, "we do").await;
    assert_eq!(shown["id"], sent["data"]["messageId"]);
    assert_eq!(shown["quotedId"], asked);
    let outgoing = world.receiver.wait_for_text("we do").await;
    assert_eq!(outgoing.body["data"]["direction"], "outgoing");

    // The phone of the account shows it too, and a receipt comes back.
    let own = world.whatsapp.wait_for_text(ANA, "we do").await;
    assert_eq!(own["fromMe"], true);
    let id = sent["data"]["messageId"].as_str().unwrap().to_owned();
    world.whatsapp.read(BIA, &id).await;
    world
        .receiver
        .wait_for("read receipt", |r| {
            r.body["event"] == "message.status"
                && r.body["data"]["status"] == "read"
                && r.body["data"]["messageIds"][0] == id
        })
        .await;

    // A crash; what is sent meanwhile arrives afterwards, without a new pairing.
    world.gateway.kill();
    world.whatsapp.send(BIA, ANA, "are you there?").await;
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
    world.receiver.wait_for_text("are you there?").await;
    let (status, again) = world.gateway.send("sales", BIA, "here again").await;
    assert_eq!(status, StatusCode::OK, "{again}");
    world.whatsapp.wait_for_text(BIA, "here again").await;

    // Unlinked on the phone.
    let devices = world.whatsapp.devices(ANA).await;
    assert_eq!(devices[1]["name"], "Wharf");
    assert_eq!(devices[1]["online"], true);
    world.whatsapp.unlink(ANA, devices[1]["id"].as_u64().unwrap()).await;
    world.gateway.wait_for_state("sales", "loggedout").await;
    world.receiver.wait_for_state("logged_out").await;
    let (status, refused) = world.gateway.send("sales", BIA, "too late").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["error"]["message"], "Instance is not connected to WhatsApp");

    // And linked again.
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    let (status, answer) = world.gateway.send("sales", BIA, "back").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "back").await;
    assert_eq!(instance["token"].as_str().unwrap().len(), 64);
    assert_ne!(instance["token"], TOKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_on_the_phone_is_an_outgoing_event() {
    let world = World::paired().await;
    let id = world.whatsapp.send(ANA, BIA, "typed by hand").await;
    let event = world.receiver.wait_for_text("typed by hand").await;
    let data = &event.body["data"];
    assert_eq!(data["id"], id);
    assert_eq!(data["direction"], "outgoing");
    assert_eq!(data["message"]["source"], "");
    assert_eq!(data["chat"]["jid"], format!("{BIA}@s.whatsapp.net"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_talk_to_each_other() {
    let world = World::paired().await;
    world.gateway.create("support", &world.receiver.url()).await;
    world.gateway.pair("support", &world.whatsapp, BIA).await;
    let (status, answer) = world.gateway.send("sales", BIA, "to a colleague").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world
        .receiver
        .wait_for("incoming event of `support`", |r| {
            r.body["instanceData"]["instance"] == "support"
                && r.body["data"]["direction"] == "incoming"
                && r.body["data"]["message"]["content"] == "to a colleague"
        })
        .await;
    let (status, answer) = world.gateway.send("support", ANA, "and back").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world
        .receiver
        .wait_for("incoming event of `sales`", |r| {
            r.body["instanceData"]["instance"] == "sales"
                && r.body["data"]["direction"] == "incoming"
                && r.body["data"]["message"]["content"] == "and back"
        })
        .await;
}
