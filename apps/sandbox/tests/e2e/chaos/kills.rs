//! The gateway is killed again and again while messages flow to a receiver that fails a third of the time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{NIGHT, rough_receiver::RoughReceiver, seed, tally::Tally, traffic::Traffic};
use crate::{Gateway, Options, WhatsApp};

/// One night.
struct Night {
    traffic: Traffic,
    /// How often the gateway is killed at least.
    kills: usize,
}

/// Small enough for every run of the tests.
const SHORT: Night = Night {
    traffic: Traffic { messages: 240, phones: 6, instances: 3, rest: Duration::from_millis(150) },
    kills: 4,
};

const LONG: Night = Night {
    traffic: Traffic {
        messages: 10_000,
        phones: 50,
        instances: 20,
        rest: Duration::from_millis(400),
    },
    kills: 20,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_few_kills_lose_nothing() {
    SHORT.pass("SQLite", Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_few_kills_lose_nothing_on_postgresql() {
    SHORT.pass("PostgreSQL", Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs minutes: just chaos"]
async fn chaos_of_twenty_kills_loses_nothing() {
    LONG.pass("SQLite", Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs minutes and PostgreSQL: just chaos"]
async fn chaos_of_twenty_kills_loses_nothing_on_postgresql() {
    LONG.pass("PostgreSQL", Options::postgres()).await;
}

impl Night {
    async fn pass(self, database: &str, options: Options) {
        let seed = seed();
        println!("seed {seed}");
        let dir = tempfile::tempdir().unwrap();
        let whatsapp = WhatsApp::start(dir.path());
        let receiver = RoughReceiver::start(seed).await;
        let options = options
            .set("WHARF_WEBHOOK_TIMEOUT", "2s")
            .set("WHARF_WEBHOOK_FIRST_RETRY", "200ms")
            .set("WHARF_WEBHOOK_LONGEST_RETRY", "5s")
            .set("WHARF_WEBHOOK_CONCURRENCY", "64")
            .set("WHARF_LOG", "warn,wharf=info");
        let mut gateway = Gateway::start(&whatsapp, dir.path(), options);
        self.traffic.set_up(&whatsapp, &gateway, receiver.url()).await;

        let start = Instant::now();
        let (sent, kills) = tokio::join!(
            self.traffic.send(&whatsapp, seed),
            kill_again_and_again(&mut gateway, self.kills, seed),
        );
        let all_sent = start.elapsed();
        let arrived = async {
            while receiver.with_requests(|requests| !Tally::of(&sent, requests).is_complete()) {
                sleep(Duration::from_millis(500)).await;
            }
        };
        let in_time = timeout(NIGHT.saturating_sub(start.elapsed()), arrived).await;
        let tally = Tally::of(&sent, &receiver.requests());
        println!(
            "{database}: {tally}, kills {kills}, all sent after {all_sent:.1?}, over after {:.1?}, seed {seed}",
            start.elapsed(),
        );
        if in_time.is_err() {
            println!("{}", tail(&gateway.log()));
        }
        tally.assert_well();
    }
}

/// Kills it at moments drawn by chance, and starts it again each time. Gives how often.
async fn kill_again_and_again(gateway: &mut Gateway, times: usize, seed: u64) -> usize {
    let mut chance = fastrand::Rng::with_seed(!seed);
    for _ in 0..times {
        sleep(Duration::from_millis(chance.u64(300..3500))).await;
        gateway.kill();
        gateway.restart();
    }
    times
}

fn tail(log: &str) -> &str {
    let start = log.len().saturating_sub(4000);
    &log[log.ceil_char_boundary(start)..]
}
