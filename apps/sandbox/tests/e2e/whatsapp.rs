//! The simulated WhatsApp, driven over HTTP as any program would.

use std::path::{Path, PathBuf};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    process::{Process, first_url},
    until,
};

pub(crate) struct WhatsApp {
    process: Option<Process>,
    dir: PathBuf,
    url: String,
    http: Client,
}

/// What types messages on a phone.
pub(crate) struct Sender {
    http: Client,
    url: String,
}

impl Sender {
    pub(crate) async fn send(&self, to: &str, text: &str) {
        let body = json!({ "to": to, "text": text });
        let answer = self.http.post(&self.url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
    }
}

impl WhatsApp {
    pub(crate) fn start(dir: &Path) -> Self {
        let dir = dir.join("whatsapp");
        std::fs::create_dir_all(&dir).unwrap();
        let (process, url) = Self::spawn(&dir, "127.0.0.1:0");
        Self {
            process: Some(process),
            dir,
            url,
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn spawn(dir: &Path, listen: &str) -> (Process, String) {
        let data = dir.join("data");
        let arguments = ["whatsapp", "--listen", listen, "--data-dir", data.to_str().unwrap()];
        let (process, lines) =
            Process::start(&arguments, &[], &dir.join("log"), "Simulated WhatsApp").unwrap();
        (process, first_url(lines.last().unwrap()))
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Something in the place of one that was killed, for clients that shall get no answer.
    pub(crate) async fn listen_in_silence(&self) -> TcpListener {
        let address = self.url.strip_prefix("http://").unwrap();
        until("the old address", || async { TcpListener::bind(address).await.ok() }).await
    }

    /// Starts it again, with its data, where it was.
    pub(crate) fn restart(&mut self) {
        let listen = self.url.strip_prefix("http://").unwrap().to_owned();
        self.process = Some(Self::spawn(&self.dir, &listen).0);
    }

    pub(crate) fn websocket(&self) -> String {
        format!("{}/ws/chat", self.url.replace("http://", "ws://"))
    }

    /// The root that vouches for its certificates.
    pub(crate) async fn root_certificate(&self) -> String {
        let (status, pem) = self.call(Method::GET, "root-certificate", Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{pem}");
        pem
    }

    pub(crate) async fn phone(&self, number: &str, name: &str) {
        let body = json!({ "number": number, "name": name });
        self.expect(StatusCode::CREATED, Method::POST, "phones", body).await;
    }

    pub(crate) async fn scan(&self, number: &str, qr: &str) -> Value {
        let path = format!("phones/{number}/scan");
        self.expect(StatusCode::OK, Method::POST, &path, json!({ "qr": qr })).await
    }

    /// Scans a QR code with a phone that cannot link it, and gives what the phone says.
    pub(crate) async fn scan_in_vain(&self, number: &str, qr: &str) -> String {
        let path = format!("phones/{number}/scan");
        let (status, text) = self.call(Method::POST, &path, json!({ "qr": qr })).await;
        let vain = status == StatusCode::CONFLICT || status == StatusCode::GONE;
        assert!(vain, "{status} {text}");
        text
    }

    pub(crate) async fn enter_code(&self, number: &str, code: &str) -> Value {
        let path = format!("phones/{number}/enter-code");
        self.expect(StatusCode::OK, Method::POST, &path, json!({ "code": code })).await
    }

    /// Types a message on a phone and gives its id.
    pub(crate) async fn send(&self, from: &str, to: &str, text: &str) -> String {
        let body = json!({ "to": to, "text": text });
        let path = format!("phones/{from}/send");
        let sent = self.expect(StatusCode::OK, Method::POST, &path, body).await;
        sent["messageId"].as_str().unwrap().to_owned()
    }

    /// A phone's hand, for a task of its own.
    pub(crate) fn sender(&self, number: &str) -> Sender {
        let url = format!("{}/admin/phones/{number}/send", self.url);
        Sender { http: self.http.clone(), url }
    }

    pub(crate) async fn read(&self, number: &str, message: &str) {
        let path = format!("phones/{number}/read");
        self.expect(StatusCode::OK, Method::POST, &path, json!({ "messageId": message })).await;
    }

    pub(crate) async fn messages(&self, number: &str) -> Vec<Value> {
        let path = format!("phones/{number}/messages");
        let seen = self.expect(StatusCode::OK, Method::GET, &path, Value::Null).await;
        seen["messages"].as_array().unwrap().clone()
    }

    pub(crate) async fn devices(&self, number: &str) -> Vec<Value> {
        let path = format!("phones/{number}/devices");
        let seen = self.expect(StatusCode::OK, Method::GET, &path, Value::Null).await;
        seen["devices"].as_array().unwrap().clone()
    }

    pub(crate) async fn unlink(&self, number: &str, device: u64) {
        let path = format!("phones/{number}/devices/{device}");
        self.expect(StatusCode::OK, Method::DELETE, &path, Value::Null).await;
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.expect(StatusCode::CREATED, Method::POST, "faults", fault).await;
    }

    /// The faults that have not struck for the last time.
    pub(crate) async fn faults(&self) -> Vec<Value> {
        let seen = self.expect(StatusCode::OK, Method::GET, "faults", Value::Null).await;
        seen["faults"].as_array().unwrap().clone()
    }

    pub(crate) async fn clear_faults(&self) {
        self.expect(StatusCode::OK, Method::DELETE, "faults", Value::Null).await;
    }

    /// Waits until a stanza was delivered again on demand.
    pub(crate) async fn wait_for_redelivery(&self) {
        until("a redelivery", || async { (self.stats().await["redelivered"] == 1).then_some(()) })
            .await;
    }

    async fn stats(&self) -> Value {
        self.expect(StatusCode::OK, Method::GET, "stats", Value::Null).await
    }

    /// Waits until a phone shows a message of that text, and gives it.
    pub(crate) async fn wait_for_text(&self, number: &str, text: &str) -> Value {
        self.wait_for_message(number, &format!("`{text}`"), |message| message["text"] == text).await
    }

    /// Waits until what a phone shows has a message that is as wanted, and gives it.
    pub(crate) async fn wait_for_message(
        &self,
        number: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("the phone to show {what}"), || async {
            self.messages(number).await.into_iter().find(|message| wanted(message))
        })
        .await
    }

    /// Sends media from a phone and gives the message's id.
    pub(crate) async fn send_media(&self, from: &str, to: &str, media: &Value) -> String {
        let mut body = media.clone();
        body["to"] = to.into();
        let path = format!("phones/{from}/send-media");
        let sent = self.expect(StatusCode::OK, Method::POST, &path, body).await;
        sent["messageId"].as_str().unwrap().to_owned()
    }

    /// The media of a message as a phone downloads and decrypts it.
    pub(crate) async fn media(&self, number: &str, message: &str) -> Vec<u8> {
        let path = format!("{}/admin/phones/{number}/messages/{message}/media", self.url);
        let answer = self.http.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
        answer.bytes().await.unwrap().to_vec()
    }

    /// Rings somebody up and gives the call's id.
    pub(crate) async fn ring(&self, from: &str, to: &str) -> String {
        let path = format!("phones/{from}/call");
        let call = self.expect(StatusCode::CREATED, Method::POST, &path, json!({ "to": to })).await;
        call["callId"].as_str().unwrap().to_owned()
    }

    /// Waits until a call of a phone is in that state.
    pub(crate) async fn wait_for_call(&self, number: &str, call: &str, state: &str) {
        let path = format!("phones/{number}/calls");
        until(&format!("a call that is {state}"), || async {
            let seen = self.expect(StatusCode::OK, Method::GET, &path, Value::Null).await;
            let calls = seen["calls"].as_array().unwrap();
            calls.iter().any(|one| one["callId"] == call && one["state"] == state).then_some(())
        })
        .await;
    }

    /// Makes a group and gives its JID.
    pub(crate) async fn group(&self, owner: &str, subject: &str, members: &[&str]) -> String {
        let body = json!({ "owner": owner, "subject": subject, "members": members });
        let made = self.expect(StatusCode::CREATED, Method::POST, "groups", body).await;
        made["jid"].as_str().unwrap().to_owned()
    }

    /// Tells a status to others.
    pub(crate) async fn status(&self, from: &str, text: &str, to: &[&str]) {
        let body = json!({ "text": text, "to": to });
        self.expect(StatusCode::OK, Method::POST, &format!("phones/{from}/status"), body).await;
    }

    /// What the phone offers as history to devices that are linked from now on.
    pub(crate) async fn history(&self, number: &str, messages: Value) {
        let body = json!({ "messages": messages });
        self.expect(StatusCode::ACCEPTED, Method::POST, &format!("phones/{number}/history"), body)
            .await;
    }

    /// Waits until a phone's first linked device has announced that presence.
    pub(crate) async fn wait_for_presence(&self, number: &str, presence: &str) {
        until(&format!("presence {presence}"), || async {
            let devices = self.devices(number).await;
            (devices.len() > 1 && devices[1]["presence"] == presence).then_some(())
        })
        .await;
    }

    /// How many companions are connected.
    pub(crate) async fn connected(&self) -> usize {
        let stats = self.stats().await;
        usize::try_from(stats["connected"].as_u64().unwrap()).unwrap()
    }

    /// How many stanzas wait to be acknowledged by companions.
    pub(crate) async fn unacknowledged(&self) -> u64 {
        self.stats().await["queued"].as_u64().unwrap()
    }

    /// Everybody who has connected since the start, or since they were forgotten: kind and address.
    pub(crate) async fn peers(&self) -> Vec<(String, String)> {
        let seen = self.expect(StatusCode::OK, Method::GET, "peers", Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let peers = seen["peers"].as_array().unwrap().iter();
        peers.map(|peer| (text(&peer["kind"]), text(&peer["address"]))).collect()
    }

    pub(crate) async fn forget_peers(&self) {
        self.expect(StatusCode::OK, Method::DELETE, "peers", Value::Null).await;
    }

    /// Anything else it can be asked to do, below `/admin`; see the simulator's `ROUTES.md`.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.expect(StatusCode::OK, method, path, body).await
    }

    async fn expect(&self, status: StatusCode, method: Method, path: &str, body: Value) -> Value {
        let (got, text) = self.call(method, path, body).await;
        assert!(got == status || got.is_success() && status.is_success(), "{path}: {got} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, String) {
        let mut request = self.http.request(method, format!("{}/admin/{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}
