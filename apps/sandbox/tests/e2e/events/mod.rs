//! Every event, from what happens on WhatsApp to the webhook's request, pinned as clients see it.

mod calls;
mod groups;
mod hidden;
mod labels;
mod media;
mod messages;
mod places;
mod states;
mod statuses;

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{ANA, BIA, World, now, receiver::Received};

/// Somebody else, of whom the account hears in groups.
const CAIO: &str = "5511999990003";

/// A world with an instance whose events are pinned, and the words that stand for what is different in every run.
struct Scene {
    world: World,
    began: DateTime<Utc>,
    /// The instance's token.
    token: String,
    /// What is replaced by which word.
    names: Mutex<Vec<(String, String)>>,
    /// How many texts were sent to wait for.
    marks: AtomicUsize,
}

impl Scene {
    /// Ana's instance, not linked yet.
    async fn unpaired() -> Self {
        let began = now() - TimeDelta::seconds(2);
        let world = World::new().await;
        world.whatsapp.phone(CAIO, "Caio").await;
        let made = world.gateway.create("sales", &world.receiver.url()).await;
        let token = made["token"].as_str().unwrap().to_owned();
        let scene =
            Self { world, began, token, names: Mutex::default(), marks: AtomicUsize::default() };
        let phones = scene.ask(Method::GET, "phones", Value::Null).await;
        for phone in phones["phones"].as_array().unwrap() {
            let (lid, name) = (phone["lid"].as_str().unwrap(), phone["name"].as_str().unwrap());
            scene.name(lid, &format!("<lid of {name}>"));
            scene.name(lid.trim_end_matches("@lid"), &format!("<lid of {name}, digits>"));
        }
        scene
    }

    /// The same, linked and connected.
    async fn paired() -> Self {
        let scene = Self::unpaired().await;
        scene.world.gateway.pair("sales", &scene.world.whatsapp, ANA).await;
        scene.world.receiver.wait_for_state("connected").await;
        scene
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.world.whatsapp.ask(method, path, body).await
    }

    /// Something is done on somebody's phone.
    async fn act(&self, number: &str, what: &str, body: Value) -> Value {
        self.ask(Method::POST, &format!("phones/{number}/{what}"), body).await
    }

    /// A phone says something in a chat; gives the message's id, which is shown as `<name>`.
    async fn say(&self, from: &str, to: &str, name: &str, message: Value) -> String {
        self.say_so(from, name, json!({ "to": to, "message": message })).await
    }

    async fn say_so(&self, from: &str, name: &str, body: Value) -> String {
        let said = self.act(from, "say", body).await;
        self.name_id(&said["messageId"], name)
    }

    /// Shows an id as `<name>` from now on, and gives it.
    fn name_id(&self, id: &Value, name: &str) -> String {
        let id = id.as_str().unwrap();
        self.name(id, &format!("<{name}>"));
        id.to_owned()
    }

    /// A group with Ana and others in it; its JID is shown as a name.
    async fn group(&self, owner: &str, subject: &str, members: &[&str]) -> String {
        let jid = self.world.whatsapp.group(owner, subject, members).await;
        self.name(&jid, "<group>");
        jid
    }

    /// Shows `what` as `word` from now on.
    fn name(&self, what: &str, word: &str) {
        self.names.lock().unwrap().push((what.to_owned(), word.to_owned()));
    }

    /// Waits for an event whose `data` is as wanted.
    async fn wait(&self, what: &str, event: &str, wanted: impl Fn(&Value) -> bool) -> Received {
        let matches = |r: &Received| r.body["event"] == event && wanted(&r.body["data"]);
        self.world.receiver.wait_for(what, matches).await
    }

    /// Pins the message of that id.
    async fn message(&self, name: &str, id: &str) {
        let came = self.wait(name, "message.exchange", |data| data["id"] == id).await;
        self.pin(&format!("message_{name}"), &came);
    }

    /// Pins the `data` of an event whose envelope is as all are.
    fn pin(&self, name: &str, received: &Received) {
        self.check(received);
        self.snapshot(name, &received.body["data"]);
    }

    /// Compares with the snapshot of that name.
    fn snapshot(&self, name: &str, value: &Value) {
        let shown = self.shown(value);
        let mut settings = insta::Settings::clone_current();
        settings.set_sort_maps(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_json_snapshot!(name, shown));
    }

    /// What every event has: the envelope, and its id in the headers.
    fn check(&self, received: &Received) {
        let body = received.body.as_object().unwrap();
        let mut keys: Vec<_> = body.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["data", "event", "eventId", "instanceData"], "{body:#?}");
        assert_eq!(received.headers["webhook-id"], body["eventId"].as_str().unwrap());
        let instance = json!({
            "baseUrl": self.world.gateway.url(), "instance": "sales", "token": self.token
        });
        assert_eq!(body["instanceData"], instance);
    }

    /// Waits until whatever happened before on that phone has been told, if it ever is.
    async fn settle(&self, from: &str, to: &str) {
        let text = format!("mark {}", self.marks.fetch_add(1, Ordering::Relaxed));
        self.world.whatsapp.send(from, to, &text).await;
        self.world.receiver.wait_for_text(&text).await;
    }

    /// The `data` of all events of a kind that came, each once, in the order in which they came.
    fn all(&self, event: &str) -> Vec<Value> {
        let mut known = HashSet::new();
        let received = self.world.receiver.received().into_iter();
        let received = received.filter(|r| r.body["event"] == event);
        received
            .filter(|r| known.insert(r.body["eventId"].clone()))
            .map(|r| r.body["data"].clone())
            .collect()
    }

    /// With words for what is different in every run, and only for that: what is no fresh time, no address of this run
    /// and no id that a test has named stays as it is.
    fn shown(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.shown(item)).collect(),
            Value::Object(entries) => {
                let shown = entries.iter().map(|(key, value)| (key.clone(), self.shown(value)));
                Value::Object(shown.collect::<Map<_, _>>())
            }
            Value::String(text) => Value::String(self.shown_text(text)),
            other => other.clone(),
        }
    }

    fn shown_text(&self, text: &str) -> String {
        if text.ends_with('Z')
            && let Ok(at) = DateTime::parse_from_rfc3339(text)
        {
            let at = at.to_utc();
            let soon = now() + TimeDelta::seconds(2);
            let word = if at < self.began {
                text
            } else if at < soon {
                "<now>"
            } else {
                "<later>"
            };
            return word.to_owned();
        }
        if text.starts_with("https://127.0.0.1:") {
            return "<URL of the media host>".to_owned();
        }
        let names = self.names.lock().unwrap();
        names.iter().fold(text.to_owned(), |shown, (what, word)| shown.replace(what, word))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_as_it_is_posted() {
    let scene = Scene::paired().await;
    let id = scene.say(BIA, ANA, "id", json!({ "kind": "text", "text": "Olá" })).await;
    let came = scene.wait("a text", "message.exchange", |data| data["id"] == id).await;
    scene.check(&came);
    scene.name(came.body["eventId"].as_str().unwrap(), "<event id>");
    scene.name(&scene.token, "<token of the instance>");
    scene.name(scene.world.gateway.url(), "<URL of the gateway>");
    scene.snapshot("envelope", &came.body);
}
