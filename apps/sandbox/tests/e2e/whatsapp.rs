//! The simulated WhatsApp, driven over HTTP as any program would.

use std::path::{Path, PathBuf};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    DEADLINE,
    process::{Process, first_url},
};

pub(crate) struct WhatsApp {
    process: Option<Process>,
    dir: PathBuf,
    url: String,
    http: Client,
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

    /// Starts it again, with its data, where it was.
    pub(crate) fn restart(&mut self) {
        let listen = self.url.strip_prefix("http://").unwrap().to_owned();
        self.process = Some(Self::spawn(&self.dir, &listen).0);
    }

    pub(crate) fn websocket(&self) -> String {
        format!("{}/ws/chat", self.url.replace("http://", "ws://"))
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
        assert_eq!(status, StatusCode::CONFLICT, "{text}");
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
        let look = async {
            while self.stats().await["redelivered"] != 1 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, look).await.unwrap();
    }

    async fn stats(&self) -> Value {
        self.expect(StatusCode::OK, Method::GET, "stats", Value::Null).await
    }

    /// Waits until a phone shows a message of that text, and gives it.
    pub(crate) async fn wait_for_text(&self, number: &str, text: &str) -> Value {
        let look = async {
            loop {
                let messages = self.messages(number).await;
                if let Some(found) = messages.into_iter().find(|m| m["text"] == text) {
                    return found;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, look).await;
        in_time.unwrap_or_else(|_| panic!("the phone never showed `{text}`"))
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
