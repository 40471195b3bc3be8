//! What waits for a client, and when it stops waiting.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use wharf_whatsapp_sim::{Phone, Receipt, Simulator};
use whatsapp_rust::types::events::InboundMessage;
use whatsapp_rust::{Client, InboundDurabilityHook, anyhow};

use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";

fn phones(sim: &Simulator) -> (Phone, Phone) {
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    (ana, sim.create_phone("5511999990002", "Bia").unwrap())
}

async fn empty(sim: &Simulator) {
    eventually("an empty queue", async || sim.stats().queued == 0).await;
}

#[tokio::test]
async fn what_was_sent_meanwhile_comes_at_the_next_login_once_and_in_order() {
    const MESSAGES: usize = 450;
    let sim = Simulator::start().await.unwrap();
    let (ana, bia) = phones(&sim);
    let store = TestClient::linked(&sim, &ana).await.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    let mut last = String::new();
    for number in 0..MESSAGES {
        last = bia.send_text(ANA, &format!("number {number}")).await.unwrap();
    }
    assert_eq!(sim.stats().queued, MESSAGES);

    let client = TestClient::with_store(&sim, "Ana", store).await;
    client.text(&format!("number {}", MESSAGES - 1)).await;
    bia.wait_for_receipt(&last, Receipt::Delivered).await.unwrap();
    let expected: Vec<String> = (0..MESSAGES).map(|number| format!("number {number}")).collect();
    assert_eq!(client.all_texts(), expected);
    empty(&sim).await;

    let again = TestClient::with_store(&sim, "Ana", client.stop().await).await;
    again.connected().await;
    assert_eq!(again.all_texts(), [] as [String; 0]);
}

/// Says when it is asked to take something over, and may refuse.
struct Asked {
    told: Arc<Notify>,
    refuses: bool,
}

#[async_trait]
impl InboundDurabilityHook for Asked {
    async fn on_messages(&self, _: Arc<Client>, _: &[InboundMessage]) -> anyhow::Result<()> {
        self.told.notify_one();
        anyhow::ensure!(!self.refuses, "not today");
        Ok(())
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let sim = Simulator::start().await.unwrap();
    let (ana, bia) = phones(&sim);
    let store = TestClient::linked(&sim, &ana).await.stop().await;
    let asked = Arc::new(Notify::new());
    let hook = Asked { told: Arc::clone(&asked), refuses: true };
    let client = TestClient::with_hook(&sim, "Ana", store, hook).await;
    client.connected().await;
    let id = bia.send_text(ANA, "precious").await.unwrap();
    asked.notified().await;
    let store = client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    assert_eq!(sim.stats().queued, 1);

    let hook = Asked { told: asked, refuses: false };
    let client = TestClient::with_hook(&sim, "Ana", store, hook).await;
    assert_eq!(client.text("precious").await.1.id, id);
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    empty(&sim).await;
    assert_eq!(client.texts("precious"), 1);
}

async fn with_data(directory: &Path) -> Simulator {
    Simulator::builder().data_dir(directory).start().await.unwrap()
}

async fn restarted(sim: Simulator, directory: &Path) -> Simulator {
    let address = sim.address();
    sim.stop().await;
    Simulator::builder().listen(address).data_dir(directory).start().await.unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sim = with_data(directory.path()).await;
    let (ana, bia) = phones(&sim);
    let client = TestClient::linked(&sim, &ana).await;
    let id = client.send(&bia.number(), "hello").await;
    bia.wait_for_message(|message| message.id == id).await.unwrap();
    bia.read(&id).await.unwrap();
    bia.reply_text(ANA, "hi", &id).await.unwrap();
    client.text("hi").await;
    ana.wait_for_receipt(&id, Receipt::Read).await.unwrap();
    let store = client.stop().await;
    let waiting = bia.send_text(ANA, "waiting").await.unwrap();
    let certificate = sim.root_certificate_pem();
    let (seen_by_ana, seen_by_bia, lid) = (ana.messages(), bia.messages(), ana.lid());

    let sim = restarted(sim, directory.path()).await;
    let (ana, bia) = (sim.phone(ANA).unwrap(), sim.phone(&bia.number()).unwrap());
    assert_eq!((ana.messages(), bia.messages(), ana.lid()), (seen_by_ana, seen_by_bia, lid));
    assert_eq!(sim.root_certificate_pem(), certificate);
    assert_eq!(ana.devices().len(), 2);
    let client = TestClient::with_store(&sim, "Ana", store).await;
    assert_eq!(client.text("waiting").await.1.id, waiting);
    bia.wait_for_receipt(&waiting, Receipt::Delivered).await.unwrap();
    client.send(&bia.number(), "still there").await;
    bia.wait_for_message(|m| m.text.as_deref() == Some("still there")).await.unwrap();
    sim.stop().await;
}

#[tokio::test]
async fn a_live_client_finds_back_to_a_restarted_simulator() {
    let directory = tempfile::tempdir().unwrap();
    let sim = with_data(directory.path()).await;
    let (ana, bia) = phones(&sim);
    let client = TestClient::linked(&sim, &ana).await;
    let bia = bia.number();
    let seen = client.seen();
    let sim = restarted(sim, directory.path()).await;
    client.connected_after(seen).await;
    sim.phone(&bia).unwrap().send_text(ANA, "back again").await.unwrap();
    client.text("back again").await;
    sim.stop().await;
}

/// What a process that is killed now leaves behind.
fn killed(directory: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    let journal = "state.journal";
    std::fs::copy(directory.join(journal), left.path().join(journal)).unwrap();
    left
}

#[tokio::test]
async fn what_a_sender_was_told_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let sim = with_data(directory.path()).await;
    let (ana, bia) = phones(&sim);
    let theirs = TestClient::linked(&sim, &bia).await;
    let store = TestClient::linked(&sim, &ana).await.stop().await;
    ana.wait_for_device(1, false).await.unwrap();

    let from_client = theirs.send(ANA, "from a client").await;
    assert_eq!(theirs.ack(&from_client).await, None);
    let left = killed(directory.path());
    let from_phone = bia.send_text(ANA, "from a phone").await.unwrap();
    let left_later = killed(directory.path());

    let after = with_data(left.path()).await;
    assert_eq!(after.phone(ANA).unwrap().messages().last().unwrap().id, from_client);
    after.stop().await;

    let after = with_data(left_later.path()).await;
    let client = TestClient::with_store(&after, "Ana", store).await;
    assert_eq!(client.text("from a client").await.1.id, from_client);
    assert_eq!(client.text("from a phone").await.1.id, from_phone);
    // The phone's keys are as far as its messages: what it sends next can be read.
    let bia = after.phone(&bia.number()).unwrap();
    bia.send_text(ANA, "afterwards").await.unwrap();
    client.text("afterwards").await;
    after.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn what_a_client_acknowledged_does_not_come_again_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let sim = with_data(directory.path()).await;
    let (ana, bia) = phones(&sim);
    let client = TestClient::linked(&sim, &ana).await;
    let id = bia.send_text(ANA, "once").await.unwrap();
    client.text("once").await;
    bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
    empty(&sim).await;
    sim.settled().await;
    let left = killed(directory.path());
    let after = with_data(left.path()).await;
    assert_eq!(after.stats().queued, 0);
    let again = TestClient::with_store(&after, "Ana", client.stop().await).await;
    again.connected().await;
    assert_eq!(again.texts("once"), 0);
    after.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn a_directory_is_used_by_one_simulator_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let sim = with_data(directory.path()).await;
    Simulator::builder().data_dir(directory.path()).start().await.unwrap_err();
    sim.stop().await;
    with_data(directory.path()).await.stop().await;
}
