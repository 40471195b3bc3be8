//! The receiver of the guide to events, in Python, as it stands there.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver as Lines},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ANA, BIA, DEADLINE, World, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_YSBuZXcgc2VjcmV0";

/// The guide's receiver, running.
struct Guide {
    url: String,
    lines: Lines<String>,
    process: Child,
    _dir: TempDir,
}

impl Guide {
    /// With the secret it checks by. `None` where there is no Python.
    fn start(secret: &str) -> Option<Self> {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
        let guide = fs::read_to_string(guide).unwrap();
        let shown = |name: &str| {
            let (_, from) = guide.split_once(&format!("```python {name}\n")).unwrap();
            from.split_once("```\n").unwrap().0.to_owned()
        };
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("verify.py"), shown("verify.py")).unwrap();
        let receiver = shown("receiver.py").replace("9000", &free.port().to_string());
        fs::write(dir.path().join("receiver.py"), receiver).unwrap();
        let started = Command::new("python3")
            .arg("receiver.py")
            .current_dir(&dir)
            .env("SECRET", secret)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = started else {
            println!("there is no python3 here");
            return None;
        };
        let (tell, lines) = mpsc::channel();
        let said = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            said.lines().map_while(Result::ok).try_for_each(|l| tell.send(l))
        });
        Some(Self { url: format!("http://{free}/"), lines, process, _dir: dir })
    }

    /// The next line it prints.
    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap()
    }
}

impl Drop for Guide {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn test(world: &World, label: &str) -> Value {
    world.gateway.post("/api/events/test/sales", json!({ "label": label })).await
}

/// Waits until nothing is on its way to the guide's receiver.
async fn until_all_is_delivered(world: &World) {
    let path = "/api/events/deliveries/sales?label=guide&state=pending";
    until("all deliveries", || async {
        let (_, listed) = world.gateway.get(path).await;
        (listed["deliveries"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_receiver_checks_signatures_and_survives_a_replay() {
    let Some(guide) = Guide::start(SECRET) else { return };
    let world = World::paired().await;
    let set = async |label: &str, secret: &str| {
        let body = json!({
            "label": label, "url": guide.url, "secret": secret, "events": ["message.exchange"],
        });
        world.gateway.post("/api/events/webhook/sales", body).await
    };
    set("guide", SECRET).await;
    until("the receiver", || async {
        test(&world, "guide").await["error"].is_null().then_some(())
    })
    .await;
    assert!(guide.line().starts_with("test "));

    // Somebody who does not know the secret gets nowhere.
    set("stranger", "whsec_c29tZXRoaW5nIGVsc2U=").await;
    assert_eq!(test(&world, "stranger").await["status"], 401);
    let (status, _) = world.gateway.delete("/api/events/webhook/sales?label=stranger").await;
    assert!(status.is_success());

    let say = async |text: &str| {
        world.whatsapp.send(BIA, ANA, text).await;
        world.receiver.wait_for_text(text).await.body["eventId"].as_str().unwrap().to_owned()
    };
    let mut told = Vec::new();
    for text in ["one", "two", "three"] {
        told.push(format!("message.exchange {}", say(text).await));
        assert_eq!(guide.line(), *told.last().unwrap());
    }

    // Everything once more, and with a new secret while the receiver still has the old one.
    until_all_is_delivered(&world).await;
    let set_anew = set("guide", NEW_SECRET).await;
    assert!(set_anew["webhook"]["previousSecretUntil"].is_string(), "{set_anew}");
    let body = json!({ "label": "guide", "since": "2020-01-01T00:00:00Z" });
    let (status, queued) = world.gateway.call(Method::POST, "/api/events/replay/sales", body).await;
    assert_eq!((status.as_u16(), &queued["queued"]), (202, &json!(3)));
    until_all_is_delivered(&world).await;
    let (_, dead) = world.gateway.get("/api/events/deliveries/sales?label=guide&state=dead").await;
    assert_eq!(dead["deliveries"], json!([]));

    // What it had already it passes over: what it says next is what is new.
    let four = say("four").await;
    assert_eq!(guide.line(), format!("message.exchange {four}"));

    // One that has the new secret already can take its place.
    let renewed = Guide::start(NEW_SECRET).unwrap();
    let body = json!({ "label": "guide", "url": renewed.url, "events": ["message.exchange"] });
    world.gateway.post("/api/events/webhook/sales", body).await;
    until("the other receiver", || async {
        test(&world, "guide").await["error"].is_null().then_some(())
    })
    .await;
    assert!(renewed.line().starts_with("test "));
}
