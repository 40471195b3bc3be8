//! A receiver is down for long while events pile up for it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{rough_receiver::RoughReceiver, tally::Tally, traffic::Traffic};
use crate::{ANA, BIA, Gateway, Options, Receiver, WhatsApp};

/// How many messages the latency of another instance is judged by.
const PROBES: usize = 40;
/// By how many megabytes the memory in use may differ: what a thousand queued bodies would take, not a hundred thousand.
const SLACK: f64 = 24.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs minutes: just chaos"]
async fn chaos_of_a_hundred_thousand_queued_events_harms_nobody_else() {
    const TRAFFIC: Traffic =
        Traffic { messages: 100_000, phones: 50, instances: 4, rest: Duration::ZERO };
    let dir = tempfile::tempdir().unwrap();
    let whatsapp = WhatsApp::start(dir.path());
    let quiet = Options::default().set("WHARF_LOG", "warn");
    let gateway = Gateway::start(&whatsapp, dir.path(), quiet);
    let away = RoughReceiver::start_away().await;
    TRAFFIC.set_up(&whatsapp, &gateway, away.url()).await;
    let other = Other::new(&whatsapp, &gateway).await;
    let before = other.latency("before", &whatsapp).await;

    let start = Instant::now();
    // What many busy chats take is taken by the first part already; what grows after it would be the queue.
    let (sent, busy) = tokio::join!(TRAFFIC.send(&whatsapp, 11), async {
        until_queued(&gateway, TRAFFIC.messages / 5).await;
        gateway.memory()
    });
    until_queued(&gateway, sent.len()).await;
    let queued_after = start.elapsed();
    let during = other.latency("while it is down", &whatsapp).await;
    let piled_up = gateway.memory();

    let back = Instant::now();
    away.come_back();
    let catching_up = other.latency("while it catches up", &whatsapp).await;
    while away.taken() < sent.len() {
        sleep(Duration::from_millis(200)).await;
        assert!(back.elapsed() < super::NIGHT, "{}", Tally::of(&sent, &away.requests()));
    }
    let caught_up_after = back.elapsed();
    let at_the_end = gateway.memory();
    let tally = Tally::of(&sent, &away.requests());
    println!(
        "{tally}\nqueued after {queued_after:.1?}, caught up after {caught_up_after:.1?} ({:.0}/s), \
         at most {} requests at once\nmemory: {busy:.1} MB with a fifth queued, {piled_up:.1} MB with all queued, \
         {at_the_end:.1} MB at the end\nlatency of another instance: {before:.1?} before, {during:.1?} while the \
         receiver was down, {catching_up:.1?} while it caught up",
        f64::from(u32::try_from(sent.len()).unwrap()) / caught_up_after.as_secs_f64(),
        away.most_at_once(),
    );
    tally.assert_well();
    assert!(piled_up < busy + SLACK, "memory grew with the queue");
    assert!(at_the_end < busy + SLACK, "memory grew while catching up");
    assert!(during < before * 3 + Duration::from_millis(20), "others waited");
}

/// An instance that has nothing to do with it.
struct Other {
    receiver: Arc<Receiver>,
}

impl Other {
    async fn new(whatsapp: &WhatsApp, gateway: &Gateway) -> Self {
        let receiver = Arc::new(Receiver::start().await);
        whatsapp.phone(ANA, "Ana").await;
        whatsapp.phone(BIA, "Bia").await;
        gateway.create("other", &receiver.url()).await;
        gateway.pair("other", whatsapp, ANA).await;
        Self { receiver }
    }

    /// The median time from a phone to the webhook.
    async fn latency(&self, when: &str, whatsapp: &WhatsApp) -> Duration {
        let mut times = Vec::with_capacity(PROBES);
        for nth in 0..PROBES {
            let text = format!("{when} {nth}");
            let start = Instant::now();
            whatsapp.send(BIA, ANA, &text).await;
            self.receiver.wait_for_text(&text).await;
            times.push(start.elapsed());
        }
        times.sort();
        times[PROBES / 2]
    }
}

/// Waits until the log has so many messages of the offices.
async fn until_queued(gateway: &Gateway, count: usize) {
    let look = async {
        while stored(gateway).await < count as u64 {
            sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(timeout(super::NIGHT, look).await.is_ok(), "{count} messages were never stored");
}

async fn stored(gateway: &Gateway) -> u64 {
    let mut stored = 0;
    for nth in 0..4 {
        let path = format!("/api/instance/metrics/office-{nth}");
        let (_, answer) = gateway.get(&path).await;
        stored += answer["metrics"]["messagesReceived"].as_u64().unwrap_or_default();
    }
    stored
}
