//! WhatsApp drops every connection at once.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{Gateway, Options, WhatsApp};

/// How many sessions are linked at a time.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn forty_dropped_sessions_come_back() {
    come_back(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs minutes: just chaos"]
async fn chaos_of_a_thousand_dropped_sessions_makes_no_storm() {
    come_back(1000).await;
}

async fn come_back(sessions: usize) {
    let dir = tempfile::tempdir().unwrap();
    let whatsapp = Arc::new(WhatsApp::start(dir.path()));
    let quiet = Options::default().set("WHARF_LOG", "warn");
    let gateway = Arc::new(Gateway::start(&whatsapp, dir.path(), quiet));
    link(sessions, &whatsapp, &gateway).await;
    assert_eq!(whatsapp.connected().await, sessions);

    whatsapp.forget_peers().await;
    let start = Instant::now();
    whatsapp.fault(json!({ "all": true, "fault": "drop" })).await;
    // How many connections had been made by the end of each second.
    let mut attempts = vec![0];
    loop {
        sleep(Duration::from_secs(attempts.len() as u64).saturating_sub(start.elapsed())).await;
        attempts.push(whatsapp.peers().await.len());
        if *attempts.last().unwrap() >= sessions && whatsapp.connected().await == sessions {
            break;
        }
        assert!(attempts.len() < 300, "not back: {attempts:?}");
    }
    let total = *attempts.last().unwrap();
    let busiest = attempts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!(
        "{sessions} sessions dropped at once, back after {:.1?}: {total} attempts, at most {busiest} a second",
        start.elapsed()
    );
    // One attempt a session, and a few more where the machine was too slow for one.
    assert!(total <= sessions + sessions / 10 + 1, "{attempts:?}");
    assert!(busiest <= 40.max(sessions / 4), "{attempts:?}");
}

async fn link(sessions: usize, whatsapp: &Arc<WhatsApp>, gateway: &Arc<Gateway>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut linking = JoinSet::new();
    for nth in 0..sessions {
        let (whatsapp, gateway, room) = (whatsapp.clone(), gateway.clone(), room.clone());
        linking.spawn(async move {
            let _room = room.acquire().await.unwrap();
            let (name, number) = (format!("office-{nth}"), format!("55119997{nth:05}"));
            whatsapp.phone(&number, "Owner").await;
            gateway.post("/api/instance/new", json!({ "name": name })).await;
            gateway.pair(&name, &whatsapp, &number).await;
        });
    }
    linking.join_all().await;
}
