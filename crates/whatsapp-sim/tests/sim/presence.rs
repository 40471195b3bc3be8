//! Who is there, and what they are doing.

use wharf_whatsapp_sim::{Doing, Phone, Presence, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::types::presence::{ChatPresence, ChatPresenceMedia};

use crate::client::TestClient;

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";

async fn scene() -> (Simulator, Phone, Phone, TestClient) {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    let bia = sim.create_phone(BIA, "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    (sim, ana, bia, client)
}

/// Waits until the client hears that Bia is there, or is not; gives the number of events so far.
async fn hears(client: &TestClient, seen: usize, available: bool) -> usize {
    client
        .event_after(seen, |event| match event {
            Event::Presence(update) => {
                (update.from.user == BIA && update.unavailable != available).then_some(())
            }
            _ => None,
        })
        .await;
    client.seen()
}

#[tokio::test]
async fn who_asks_is_told_when_an_owner_takes_up_the_phone_and_puts_it_away() {
    let (_sim, _, bia, client) = scene().await;
    client.client.presence().subscribe(Jid::pn(BIA)).await.unwrap();
    let seen = hears(&client, 0, false).await;
    bia.set_available(true).await;
    let seen = hears(&client, seen, true).await;
    bia.set_available(false).await;
    hears(&client, seen, false).await;
}

#[tokio::test]
async fn a_companion_that_is_unlinked_or_replaced_is_not_there_any_more() {
    let (sim, _, bia, client) = scene().await;
    client.client.presence().subscribe(Jid::pn(BIA)).await.unwrap();
    let mut seen = hears(&client, 0, false).await;
    let theirs = TestClient::linked(&sim, &bia).await;
    theirs.client.presence().set_available().await.unwrap();
    seen = hears(&client, seen, true).await;
    let store = std::sync::Arc::clone(&theirs.backend);
    let second = TestClient::with_store(&sim, "Bia", store).await;
    second.connected().await;
    seen = hears(&client, seen, false).await;
    second.client.presence().set_available().await.unwrap();
    seen = hears(&client, seen, true).await;
    bia.unlink(1).await.unwrap();
    hears(&client, seen, false).await;
}

#[tokio::test]
async fn a_client_sees_what_an_owner_does_in_the_chat() {
    let (_sim, _, bia, client) = scene().await;
    for (doing, state, media) in [
        (Doing::Composing, ChatPresence::Composing, ChatPresenceMedia::Text),
        (Doing::Recording, ChatPresence::Composing, ChatPresenceMedia::Audio),
        (Doing::Paused, ChatPresence::Paused, ChatPresenceMedia::Text),
    ] {
        let seen = client.seen();
        bia.show(ANA, doing).await.unwrap();
        client
            .event_after(seen, |event| match event {
                Event::ChatPresence(update) => {
                    (update.state == state && update.media == media).then_some(())
                }
                _ => None,
            })
            .await;
    }
}

#[tokio::test]
async fn an_owner_sees_what_a_client_does_in_the_chat() {
    let (_sim, _, bia, client) = scene().await;
    client.client.chatstate().send_composing(&Jid::pn(BIA)).await.unwrap();
    bia.wait_for_typing(ANA, "composing").await.unwrap();
    client.client.chatstate().send_recording(&Jid::pn(BIA)).await.unwrap();
    bia.wait_for_typing(ANA, "recording").await.unwrap();
}

#[tokio::test]
async fn the_server_keeps_what_each_companion_last_announced() {
    let (sim, ana, _, client) = scene().await;
    client.client.presence().set_unavailable().await.unwrap();
    ana.wait_for_presence(1, Presence::Unavailable).await.unwrap();
    let second = TestClient::linked(&sim, &ana).await;
    second.client.presence().set_unavailable().await.unwrap();
    ana.wait_for_presence(2, Presence::Unavailable).await.unwrap();
    client.client.presence().set_available().await.unwrap();
    ana.wait_for_presence(1, Presence::Available).await.unwrap();
    let announced: Vec<_> = ana.devices().iter().map(|device| device.presence).collect();
    assert_eq!(announced, [None, Some(Presence::Available), Some(Presence::Unavailable)]);
}
