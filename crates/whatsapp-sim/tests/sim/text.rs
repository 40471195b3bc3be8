//! Messages in unusual circumstances: a new device, a lost session, a note to oneself.

use wharf_whatsapp_sim::{Phone, Receipt, Simulator};
use whatsapp_rust::Jid;

use crate::client::{TestClient, eventually};

struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
}

async fn scene() -> Scene {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    Scene { sim, ana, bia }
}

impl Scene {
    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

#[tokio::test]
async fn texts_go_both_ways_between_a_client_and_a_phone() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let client = TestClient::linked(sim, ana).await;

    let id = client.send(&bia.number(), "hello").await;
    assert_eq!(client.ack(&id).await, None);
    let shown = bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!(shown.text.as_deref(), Some("hello"));
    assert_eq!((shown.from, shown.from_me), (ana.jid(), false));

    let id = bia.send_text(&ana.number(), "hi").await.unwrap();
    let (_, info) = client.text("hi").await;
    assert_eq!((&info.id, info.source.chat.to_string()), (&id, bia.jid()));
    assert_eq!(info.push_name, "Bia");
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    scene.is_settled().await;
}

#[tokio::test]
async fn a_device_linked_later_gets_what_is_sent_later() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let client = TestClient::linked(sim, ana).await;
    client.send(&bia.number(), "before").await;
    bia.wait_for_message(|message| message.text.as_deref() == Some("before")).await.unwrap();
    let late = TestClient::linked(sim, bia).await;
    bia.send_text(&ana.number(), "linked").await.unwrap();
    client.text("linked").await;
    client.send(&bia.number(), "after").await;
    late.text("after").await;
    assert_eq!(late.texts("before"), 0);
    scene.is_settled().await;
}

#[tokio::test]
async fn a_client_that_cannot_decrypt_gets_the_message_again() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let client = TestClient::linked(sim, ana).await;
    bia.send_text(&ana.number(), "first").await.unwrap();
    client.text("first").await;
    // Only an established session makes messages that need it.
    client.send(&bia.number(), "answer").await;
    bia.wait_for_message(|m| m.text.as_deref() == Some("answer")).await.unwrap();
    let chat: Jid = bia.jid().parse().unwrap();
    client.client.signal().delete_sessions(&[chat]).await.unwrap();
    let id = bia.send_text(&ana.number(), "second").await.unwrap();
    let (_, info) = client.text("second").await;
    assert_eq!(info.id, id);
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    scene.is_settled().await;
}

#[tokio::test]
async fn clients_that_lost_each_other_find_together_again() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let ours = TestClient::linked(sim, ana).await;
    let theirs = TestClient::linked(sim, bia).await;
    ours.send(&bia.number(), "first").await;
    theirs.text("first").await;
    theirs.send(&ana.number(), "answer").await;
    ours.text("answer").await;
    let chat: Jid = format!("{}:1@s.whatsapp.net", ana.number()).parse().unwrap();
    theirs.client.signal().delete_sessions(&[chat]).await.unwrap();
    let id = ours.send(&bia.number(), "second").await;
    assert_eq!(theirs.text("second").await.1.id, id);
    scene.is_settled().await;
}

#[tokio::test]
async fn a_phone_that_cannot_decrypt_gets_the_message_again() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let client = TestClient::linked(sim, ana).await;
    client.send(&bia.number(), "first").await;
    bia.wait_for_message(|m| m.text.as_deref() == Some("first")).await.unwrap();
    bia.send_text(&ana.number(), "answer").await.unwrap();
    client.text("answer").await;
    bia.forget_sessions();
    let id = client.send(&bia.number(), "second").await;
    let again = bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!(again.text.as_deref(), Some("second"));
    scene.is_settled().await;
}

#[tokio::test]
async fn a_note_to_oneself_reaches_the_own_devices() {
    let scene = scene().await;
    let Scene { sim, ana, .. } = &scene;
    let client = TestClient::linked(sim, ana).await;
    ana.send_text(&ana.number(), "remember").await.unwrap();
    let (_, info) = client.text("remember").await;
    assert!(info.source.is_from_me);
    let id = client.send(&ana.number(), "noted").await;
    ana.wait_for_message(|message| message.id == id).await.unwrap();
    scene.is_settled().await;
}

#[tokio::test]
async fn a_client_that_many_strangers_write_to_uploads_new_keys() {
    let scene = scene().await;
    let Scene { sim, ana, .. } = &scene;
    let client = TestClient::linked(sim, ana).await;
    let before = client.backend.get_max_prekey_id().await.unwrap();
    for stranger in 3..13 {
        let phone = sim.create_phone(&format!("55119999900{stranger:02}"), "Stranger").unwrap();
        let text = format!("hello from {stranger}");
        phone.send_text(&ana.number(), &text).await.unwrap();
        client.text(&text).await;
    }
    let more = async || client.backend.get_max_prekey_id().await.unwrap() > before;
    eventually("an upload", more).await;
    scene.is_settled().await;
}

#[tokio::test]
async fn who_has_no_phone_is_not_there() {
    let scene = scene().await;
    let Scene { sim, ana, bia } = &scene;
    let client = TestClient::linked(sim, ana).await;
    let contacts = client.client.contacts();
    let [known, unknown]: [Jid; 2] = [bia.lid().parse().unwrap(), Jid::lid("100000000000001")];
    let found = contacts.is_on_whatsapp(&[unknown, known.clone()]).await.unwrap();
    assert_eq!(found.iter().map(|user| &user.jid).collect::<Vec<_>>(), [&known]);
    assert_eq!(found[0].pn_jid.as_ref().map(ToString::to_string), Some(bia.jid()));
    let id = client.send("5511999990009", "anybody?").await;
    assert_eq!(client.ack(&id).await.as_deref(), Some("404"));
    scene.is_settled().await;
}
