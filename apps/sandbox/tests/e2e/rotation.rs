//! `rotate-key`: whenever it is killed, one of the two keys opens the database, and the next run finishes the work.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{ANA, BIA, Options, World, gateway::TOKEN, until};

/// Enough to be killed in the middle of.
const MESSAGES: usize = 6000;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_again_and_again_is_finished_by_the_next_run() {
    rotate_and_be_killed(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_rotation_that_is_killed_again_and_again_is_finished_by_the_next_run_on_postgresql() {
    rotate_and_be_killed(Options::postgres()).await;
}

async fn rotate_and_be_killed(options: Options) {
    let mut world = with_many_messages(options).await;
    let token = instance_token(&world).await;
    let dir = world.gateway.dir().to_owned();
    let (old, new) = (dir.join("data/master.key"), dir.join("new.key"));
    let (old, new) = (old.to_str().unwrap().to_owned(), new.to_str().unwrap().to_owned());
    let rotate = ["rotate-key", "--old-key-file", &old, "--new-key-file", &new];

    let (done, said) = world.gateway.command(&rotate);
    assert!(!done && said.contains("in use"), "beside a running server: {said}");
    world.gateway.kill();
    assert!(!std::path::Path::new(&new).exists(), "nothing was touched");

    // Killed the moment the new key is in force, and again in the middle of what follows.
    world.gateway.command_until(&rotate, "is in force;").kill();
    let with_new = || Options::default().set("WHARF_ENCRYPTION_KEY", key_in(&new));
    assert_only_the_new_one_opens(&world, &with_new());
    world.gateway.command_until(&rotate, "is in force already").kill();
    assert_only_the_new_one_opens(&world, &with_new());

    // In the midst of it the gateway serves, with the new key, and everything is as it was.
    world.gateway.add(with_new());
    world.gateway.restart();
    as_it_was(&world, &token).await;
    world.gateway.kill();

    let (done, said) = world.gateway.command(&rotate);
    assert!(done && said.contains("rotation complete"), "{said}");
    let (done, said) = world.gateway.command(&rotate);
    assert!(done && said.contains("Nothing is left to do"), "{said}");
    assert_only_the_new_one_opens(&world, &with_new());
    world.gateway.restart();
    as_it_was(&world, &token).await;
    let (status, answer) = world.gateway.send("sales", BIA, "under the new key").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world.whatsapp.wait_for_text(BIA, "under the new key").await;
}

/// Killed at any moment, told by nothing but the clock: the old key or the new one opens the database.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed_one_of_the_keys_opens_the_database() {
    let mut world = with_many_messages(Options::default()).await;
    let token = instance_token(&world).await;
    world.gateway.kill();
    let dir = world.gateway.dir().to_owned();
    let file = |n: usize| match n {
        0 => dir.join("data/master.key").display().to_string(),
        n => dir.join(format!("{n}.key")).display().to_string(),
    };
    let mut in_force = 0;
    for round in 0..8_u64 {
        let (old, new) = (file(in_force), file(in_force + 1));
        let rotate = ["rotate-key", "--old-key-file", &old, "--new-key-file", &new];
        let moment = std::time::Duration::from_millis(round * 35);
        world.gateway.command_killed_after(&rotate, moment).await;
        let opens = |file: &str| {
            let key = std::fs::read_to_string(file).ok();
            key.is_some_and(|key| {
                opens(&world, &Options::default().set("WHARF_ENCRYPTION_KEY", key))
            })
        };
        let (with_old, with_new) = (opens(&old), opens(&new));
        assert!(with_old != with_new, "round {round}: old {with_old}, new {with_new}");
        if with_new {
            let (done, said) = world.gateway.command(&rotate);
            assert!(done, "{said}");
            in_force += 1;
        }
    }
    let key = std::fs::read_to_string(file(in_force)).unwrap();
    world.gateway.add(Options::default().set("WHARF_ENCRYPTION_KEY", key));
    world.gateway.restart();
    as_it_was(&world, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_with_the_wrong_files_touches_nothing() {
    let mut world = World::paired().await;
    world.gateway.kill();
    let dir = world.gateway.dir().to_owned();
    let path = |name: &str| dir.join(name).display().to_string();
    let (right, wrong, new) = (path("data/master.key"), path("wrong.key"), path("new.key"));
    std::fs::write(&wrong, "11".repeat(32)).unwrap();
    for (old, new, reason) in [
        (&wrong, &new, "neither"),
        (&path("nowhere.key"), &new, "nowhere.key"),
        (&right, &right, "same key"),
    ] {
        let rotate = ["rotate-key", "--old-key-file", old, "--new-key-file", new];
        let (done, said) = world.gateway.command(&rotate);
        assert!(!done && said.contains(reason), "{said}");
    }
    assert!(!std::path::Path::new(&new).exists());
    world.gateway.restart();
    world.gateway.wait_for_state("sales", "connected").await;
}

/// `sales` connected and full of what the phone offered as its history.
async fn with_many_messages(options: Options) -> World {
    let world = World::with(options).await;
    let messages: Vec<_> = (0..MESSAGES)
        .map(|n| {
            let at = format!("2026-11-{:02}T12:00:00Z", 1 + n % 20);
            json!({ "with": BIA, "text": format!("remembered {n}"), "at": at, "fromMe": n % 2 == 0 })
        })
        .collect();
    world.whatsapp.history(ANA, Value::Array(messages)).await;
    world.gateway.create("sales", &world.receiver.url()).await;
    world.gateway.set(json!({ "disableHistorySync": false })).await;
    world.gateway.pair("sales", &world.whatsapp, ANA).await;
    until("the history", || async { (total(&world).await == MESSAGES).then_some(()) }).await;
    world
}

async fn total(world: &World) -> usize {
    let (_, answer) = world.gateway.get("/api/instance/metrics/sales").await;
    usize::try_from(answer["metrics"]["totalMessages"].as_u64().unwrap()).unwrap()
}

async fn instance_token(world: &World) -> String {
    let (_, answer) = world.gateway.get("/api/instance/list").await;
    answer["instances"][0]["token"].as_str().unwrap().to_owned()
}

fn key_in(file: &str) -> String {
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

/// Whether a command that needs the keyring gets it.
fn opens(world: &World, options: &Options) -> bool {
    let (done, said) = world.gateway.command_with(options, &["account", "list"]);
    assert!(done || said.contains("key"), "{said}");
    done
}

/// The new key does; the old one, which lies in the data directory, does not.
fn assert_only_the_new_one_opens(world: &World, with_new: &Options) {
    assert!(opens(world, with_new));
    let old = world.gateway.dir().join("data/master.key").display().to_string();
    assert!(!opens(world, &Options::default().set("WHARF_ENCRYPTION_KEY", key_in(&old))));
}

/// Tokens are good, the session comes back without a QR code, and what was stored can be read.
async fn as_it_was(world: &World, token: &str) {
    world.gateway.wait_for_state("sales", "connected").await;
    assert_eq!(instance_token(world).await, token);
    let path = "/api/instance/getSettings/sales";
    for token in [TOKEN, token] {
        let (status, answer) =
            world.gateway.call_as(token, Method::GET, path, Value::Null, &[]).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert!(total(world).await >= MESSAGES);
    let asked = format!("still there? {}", world.receiver.received().len());
    world.whatsapp.send(BIA, ANA, &asked).await;
    world.receiver.wait_for_text(&asked).await;
}
