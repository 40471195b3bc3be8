//! People who keep their number to themselves, until they do not.

use serde_json::json;
use wharf_whatsapp_sim::{Manner, Phone, Saying, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::presence::ReceiptType;

use crate::admin::Program;
use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";

/// Ana with a client; Bia hides her number.
async fn scene(by_lid: bool) -> (Simulator, Phone, TestClient) {
    let sim = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    bia.hide_number(true).await;
    let client = TestClient::linked(&sim, &ana).await;
    (sim, bia, client)
}

/// The number the client knows of somebody.
async fn number_of(client: &TestClient, lid: &str) -> Option<String> {
    let lid: Jid = lid.parse().unwrap();
    let entry = client.client.get_lid_pn_entry(&lid).await.unwrap();
    entry.map(|entry| entry.phone_number.to_string())
}

#[tokio::test]
async fn who_hides_the_number_is_known_by_lid_alone_until_it_is_revealed() {
    for by_lid in [false, true] {
        let (sim, bia, client) = scene(by_lid).await;
        let id = bia.send_text(ANA, "guess who").await.unwrap();
        let (_, info) = client.text("guess who").await;
        assert_eq!(info.source.chat.to_string(), bia.lid());
        assert_eq!(info.source.sender_alt, None);
        bia.wait_for_receipt(&id, wharf_whatsapp_sim::Receipt::Delivered).await.unwrap();

        // Nor does answering, reading or asking tell.
        let chat: Jid = bia.lid().parse().unwrap();
        let answer = client.send_to(chat.clone(), "no idea").await;
        let shown = bia.wait_for_message(|message| message.id == answer).await.unwrap();
        bia.read(&answer).await.unwrap();
        client.receipt(&answer, ReceiptType::Read).await;
        let quoting = Manner { quoted: Some(shown.id), ..Manner::default() };
        let text = Saying::Text { text: "me".to_owned() };
        let id = bia.say(ANA, &text, &quoting).await.unwrap();
        client.message(&id).await;
        client.client.contacts().get_user_info(std::slice::from_ref(&chat)).await.unwrap();
        assert_eq!(number_of(&client, &bia.lid()).await, None);

        bia.hide_number(false).await;
        let id = bia.send_text(ANA, "it is me").await.unwrap();
        let (_, info) = client.message(&id).await;
        let (sender, alt) = if by_lid { (bia.lid(), bia.jid()) } else { (bia.jid(), bia.lid()) };
        assert_eq!(info.source.sender.to_string(), sender);
        assert_eq!(info.source.sender_alt.as_ref().map(ToString::to_string), Some(alt));
        let known = async || number_of(&client, &bia.lid()).await.as_deref() == Some(BIA);
        eventually("the number", known).await;
        let id = client.send(BIA, "of course").await;
        bia.wait_for_message(|message| message.id == id).await.unwrap();
        eventually("empty queues", async || sim.stats().queued == 0).await;
        assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
    }
}

#[tokio::test]
async fn a_number_once_revealed_is_found_by_asking() {
    let (sim, bia, client) = scene(true).await;
    bia.send_text(ANA, "guess who").await.unwrap();
    client.text("guess who").await;
    let program = Program::new(&sim);
    program.post(&format!("/phones/{BIA}/reveal"), json!({})).await;
    let chat: Jid = bia.lid().parse().unwrap();
    client.client.contacts().is_on_whatsapp(std::slice::from_ref(&chat)).await.unwrap();
    eventually("the number", async || number_of(&client, &bia.lid()).await.as_deref() == Some(BIA))
        .await;
    program.post(&format!("/phones/{BIA}/hide"), json!({})).await;
    assert!(bia.hides_number());
}

#[tokio::test]
async fn who_hides_the_number_does_so_in_groups_and_in_the_status() {
    for by_lid in [false, true] {
        let (sim, bia, client) = scene(by_lid).await;
        let group = sim.create_group(ANA, "Two", &[BIA]).await.unwrap();
        let jid: Jid = group.parse().unwrap();
        let known = client.client.groups().get_metadata(&jid).await.unwrap();
        let members: Vec<String> = known.participants.iter().map(|it| it.jid.to_string()).collect();
        assert!(members.contains(&bia.lid()), "{members:?}");
        for text in ["first", "second"] {
            bia.send_text(&group, text).await.unwrap();
            let (_, info) = client.text(text).await;
            assert_eq!(info.source.sender.to_string(), bia.lid());
            assert_eq!(info.source.sender_alt, None);
        }
        bia.post_status("at sea", &[ANA]).await.unwrap();
        let (_, info) = client.text("at sea").await;
        assert_eq!(
            (info.source.sender.to_string(), info.source.sender_alt.clone()),
            (bia.lid(), None)
        );
        assert_eq!(number_of(&client, &bia.lid()).await, None);

        let id = client.send_to(jid, "hello").await;
        bia.wait_for_message(|message| message.id == id).await.unwrap();
        client.receipt(&id, ReceiptType::Delivered).await;
        bia.hide_number(false).await;
        bia.send_text(&group, "it is me").await.unwrap();
        let (_, info) = client.text("it is me").await;
        let alt = if by_lid { bia.jid() } else { bia.lid() };
        assert_eq!(info.source.sender_alt.as_ref().map(ToString::to_string), Some(alt));
        eventually("empty queues", async || sim.stats().queued == 0).await;
    }
}

#[tokio::test]
async fn what_is_hidden_stays_hidden_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let sim = start().await;
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    bia.hide_number(true).await;
    sim.stop().await;
    let sim = start().await;
    assert!(sim.phone(BIA).unwrap().hides_number());
    sim.stop().await;
}
