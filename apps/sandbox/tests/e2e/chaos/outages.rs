//! The database stumbles: it is restarted, it is slow, its disk is full.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use reqwest::StatusCode;
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::json;
use tokio::time::sleep;

use super::{cluster::Cluster, rough_receiver::RoughReceiver, tally::Tally, traffic::Traffic};
use crate::{ANA, BIA, Gateway, Options, WhatsApp, World, until};

const TRAFFIC: Traffic =
    Traffic { messages: 240, phones: 6, instances: 3, rest: Duration::from_millis(150) };

/// How long the database is slow, each time.
const SLOW: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL's programs"]
async fn a_restart_of_postgresql_loses_nothing_and_needs_nobody() {
    let cluster = Cluster::start();
    let options = Options::default().set("WHARF_DATABASE_URL", cluster.url());
    let trouble = async || {
        for _ in 0..2 {
            sleep(SLOW).await;
            tokio::task::block_in_place(|| cluster.restart());
        }
    };
    flow_through(options, trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_slow_postgresql_loses_nothing() {
    let options = Options::postgres();
    let locked = format!(
        "BEGIN; LOCK TABLE {{}}.event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({}); COMMIT",
        SLOW.as_secs()
    );
    let trouble = async || {
        for _ in 0..3 {
            sleep(SLOW / 4).await;
            assert!(tokio::task::block_in_place(|| options.sql(&locked)));
        }
    };
    flow_through(options.clone(), trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sqlite_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("elsewhere");
    let options = Options::default().set("WHARF_DATA_DIR", data.to_str().unwrap());
    let trouble = async || {
        for _ in 0..3 {
            sleep(SLOW / 4).await;
            let hold = hold_the_pen(&data).await;
            sleep(SLOW).await;
            hold.execute_unprepared("COMMIT").await.unwrap();
        }
    };
    flow_through(options, trouble).await;
}

/// Lets messages flow while there is trouble, and sees that all of them arrive and every session is there afterwards.
async fn flow_through(options: Options, trouble: impl AsyncFnOnce()) {
    let dir = tempfile::tempdir().unwrap();
    let whatsapp = WhatsApp::start(dir.path());
    let receiver = RoughReceiver::start_gentle().await;
    let gateway = Gateway::start(&whatsapp, dir.path(), options);
    TRAFFIC.set_up(&whatsapp, &gateway, receiver.url()).await;
    let (sent, ()) = tokio::join!(TRAFFIC.send(&whatsapp, 7), trouble());
    until("all messages", || async {
        receiver.with_requests(|requests| Tally::of(&sent, requests).is_complete()).then_some(())
    })
    .await;
    let tally = Tally::of(&sent, &receiver.requests());
    println!("{tally}");
    tally.assert_well();
    TRAFFIC.wait_until_connected(&gateway).await;
    let (status, health) = gateway.get("/health").await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")), "{health}");
}

/// Takes the one right to write that a SQLite database has, until it is committed or dropped.
async fn hold_the_pen(data: &Path) -> sea_orm::DatabaseConnection {
    let file = data.join("wharf.db");
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}?mode=rw", file.display()));
    options.max_connections(1);
    let hold = Database::connect(options).await.unwrap();
    hold.execute_unprepared("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").await.unwrap();
    hold
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_stored_is_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("elsewhere");
    let options = Options::default().set("WHARF_DATA_DIR", data.to_str().unwrap());
    let mut world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    let hold = hold_the_pen(&data).await;
    world.whatsapp.send(BIA, ANA, "nobody could write this down").await;
    // Long enough for it to arrive, whatever is done with it.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.whatsapp.unacknowledged().await, 1);
    world.gateway.kill();
    hold.execute_unprepared("COMMIT").await.unwrap();
    hold.close().await.unwrap();
    world.gateway.restart();
    world.receiver.wait_for_text("nobody could write this down").await;
    assert_eq!(world.receiver.count_of_text("nobody could write this down"), 1);
}

/// A file system of a few megabytes, gone with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(at)
            .status()
            .unwrap();
        assert!(mounted.success(), "only root may mount a small file system");
        Self(at.to_owned())
    }

    /// Leaves no byte free.
    fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
        while ballast.write_all(&[0]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, to mount a small file system"]
async fn a_full_disk_loses_nothing_and_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("small");
    let disk = SmallDisk::mount(&data);
    let options = Options::default().set("WHARF_DATA_DIR", data.to_str().unwrap());
    let mut world = World::paired_with(options).await;
    world.whatsapp.send(BIA, ANA, "before").await;
    world.receiver.wait_for_text("before").await;

    disk.fill();
    for nth in 0..20 {
        world.whatsapp.send(BIA, ANA, &format!("into the void {nth}")).await;
    }
    // The session is given up as often as it cannot store what it receives, and that is what is said of it.
    world.gateway.wait_for_log("will connect again").await;
    let (status, answer) = world.gateway.send("sales", BIA, "cannot be written down").await;
    assert!(status.is_client_error() || status.is_server_error(), "{status} {answer}");
    assert_eq!(world.receiver.received().iter().filter(|r| is_void(r)).count(), 0);
    // Not even a crash makes what was not stored count as received.
    world.gateway.kill();
    disk.free();
    world.gateway.restart();

    world.receiver.wait_for_text("into the void 19").await;
    let told: Vec<_> = world
        .receiver
        .received()
        .iter()
        .filter(|r| is_void(r))
        .map(|r| r.body["data"]["message"]["content"].as_str().unwrap().to_owned())
        .collect();
    let sent: Vec<_> = (0..20).map(|nth| format!("into the void {nth}")).collect();
    assert_eq!(told, sent);
    world.gateway.wait_for_state("sales", "connected").await;
    assert!(
        !world.whatsapp.messages(BIA).await.iter().any(|m| m["text"] == "cannot be written down")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, to mount a small file system"]
async fn a_gateway_whose_disk_was_full_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("small");
    let disk = SmallDisk::mount(&data);
    let options = Options::default().set("WHARF_DATA_DIR", data.to_str().unwrap());
    let world = World::paired_with(options).await;
    world.receiver.wait_for_state("connected").await;
    disk.fill();
    for nth in 0..5 {
        world.whatsapp.send(BIA, ANA, &format!("into the void {nth}")).await;
    }
    world.gateway.wait_for_log("will connect again").await;
    disk.free();
    for nth in 0..5 {
        world.receiver.wait_for_text(&format!("into the void {nth}")).await;
    }
    world.gateway.wait_for_state("sales", "connected").await;
}

fn is_void(received: &crate::receiver::Received) -> bool {
    let content = &received.body["data"]["message"]["content"];
    content.as_str().is_some_and(|text| text.starts_with("into the void"))
}
