//! What a new companion is told of the past.

use std::time::{SystemTime, UNIX_EPOCH};

use wacore::store::device::DevicePropsOverride;
use waproto::whatsapp as wa;
use wharf_whatsapp_sim::{PastMessage, Phone, Simulator};
use whatsapp_rust::types::events::Event;

use crate::client::{TestClient, eventually};

const BRUNO: &str = "5511999990002";
const HOUR: u64 = 60 * 60;

#[expect(clippy::disallowed_methods, reason = "the simulator's clock is the machine's")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// One message an hour, on the half hour; every other one is Ana's own.
fn past(messages: u64) -> Vec<PastMessage> {
    let now = now();
    let message = |hours| PastMessage {
        with: BRUNO.to_owned(),
        text: format!("{hours} hours ago"),
        from_me: hours % 2 == 0,
        at: now - hours * HOUR + HOUR / 2,
    };
    (1..=messages).map(message).collect()
}

struct Scene {
    sim: Simulator,
    ana: Phone,
}

async fn scene(messages: u64) -> Scene {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    sim.create_phone(BRUNO, "Bruno").unwrap();
    ana.add_history(past(messages)).await.unwrap();
    Scene { sim, ana }
}

impl Scene {
    async fn linked(&self, props: DevicePropsOverride) -> TestClient {
        let client = TestClient::with_history(&self.sim, &self.ana.name(), props).await;
        self.ana.scan(&client.qr().await).await.unwrap();
        client.connected().await;
        client
    }

    /// Waits until that many pieces have been offered, and taken note of.
    async fn offered(&self, pieces: usize) {
        let done = async || {
            let offers = self.ana.history();
            offers.len() == pieces && offers.iter().all(|offer| offer.acknowledged)
        };
        eventually("offers of the past", done).await;
    }
}

/// The pieces a client has got, in their order.
async fn pieces(client: &TestClient, count: usize) -> Vec<wa::HistorySync> {
    let is_piece = |event: &Event| matches!(event, Event::HistorySync(_));
    eventually("the past", async || client.count(is_piece) == count).await;
    let mut pieces = client.all(|event| match event {
        Event::HistorySync(piece) => piece.get().cloned(),
        _ => None,
    });
    pieces.sort_by_key(|piece| piece.chunk_order);
    pieces
}

/// What is said in a piece: by whom, and what.
fn said(piece: &wa::HistorySync) -> Vec<(bool, String)> {
    let messages = piece.conversations.iter().flat_map(|chat| &chat.messages);
    let texts = messages.map(|message| {
        let message = &message.message;
        let text = message.message.conversation.clone();
        (message.key.from_me == Some(true), text.unwrap_or_default())
    });
    texts.collect()
}

#[tokio::test]
async fn a_new_companion_is_told_of_the_past_in_pieces() {
    let scene = scene(150).await;
    let client = scene.linked(DevicePropsOverride::new()).await;
    let pieces = pieces(&client, 3).await;
    let progress: Vec<_> = pieces.iter().map(|piece| piece.progress).collect();
    assert_eq!(progress, [Some(66), None, Some(100)]);
    let (first, last) = (said(&pieces[0]), said(&pieces[2]));
    assert_eq!((first.len(), last.len()), (100, 50));
    assert_eq!(first[0], (false, "1 hours ago".to_owned()));
    assert_eq!(last[49], (true, "150 hours ago".to_owned()));
    assert_eq!(pieces[0].conversations[0].id, format!("{BRUNO}@s.whatsapp.net"));
    let names: Vec<_> =
        pieces[1].pushnames.iter().filter_map(|name| name.pushname.as_deref()).collect();
    assert_eq!(names, ["Bruno", "Ana"]);
    scene.offered(3).await;
    assert!(scene.ana.history().iter().all(|offer| offer.downloads == 1 && offer.device == 1));
    assert!(scene.sim.stats().unknown.is_empty(), "{:?}", scene.sim.stats());
}

#[tokio::test]
async fn no_more_is_told_than_the_companion_wants() {
    let scene = scene(150).await;
    let days = wa::device_props::HistorySyncConfig {
        full_sync_days_limit: Some(2),
        recent_sync_days_limit: Some(1),
        ..Default::default()
    };
    let props = DevicePropsOverride::new().with_history_sync_config(days);
    let recent = scene.linked(props.clone()).await;
    assert_eq!(said(&pieces(&recent, 2).await[0]).len(), 24);
    let full = scene.linked(props.with_require_full_sync(true)).await;
    assert_eq!(said(&pieces(&full, 2).await[0]).len(), 48);
}

#[tokio::test]
async fn a_companion_that_skips_the_past_does_not_download_it() {
    let scene = scene(150).await;
    let client = TestClient::linked(&scene.sim, &scene.ana).await;
    scene.offered(3).await;
    assert!(scene.ana.history().iter().all(|offer| offer.downloads == 0));
    assert_eq!(client.count(|event| matches!(event, Event::HistorySync(_))), 0);
}

#[tokio::test]
async fn the_past_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let sim = start().await;
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    ana.add_history(past(2)).await.unwrap();
    sim.stop().await;
    let sim = start().await;
    let scene = Scene { ana: sim.phone("5511999990001").unwrap(), sim };
    let client = scene.linked(DevicePropsOverride::new()).await;
    assert_eq!(said(&pieces(&client, 2).await[0]).len(), 2);
}
