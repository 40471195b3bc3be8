//! The simulated WhatsApp, driven over HTTP.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::process::Process;

pub(crate) struct WhatsApp {
    process: Process,
    url: String,
    http: Client,
}

impl WhatsApp {
    /// Starts one that keeps its state in memory, so that its disk does not count.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let arguments = ["whatsapp", "--listen", "127.0.0.1:0"];
        let log = dir.join("whatsapp.log");
        let (process, url) = Process::start(&arguments, &[], &log, "Simulated WhatsApp").await?;
        let http = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build()?;
        Ok(Self { process, url, http })
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn websocket(&self) -> String {
        format!("{}/ws/chat", self.url.replace("http://", "ws://"))
    }

    pub(crate) async fn phone(&self, number: &str, name: &str) -> Result<()> {
        let body = json!({ "number": number, "name": name });
        self.call(Method::POST, "phones", Some(body)).await.map(drop)
    }

    pub(crate) async fn scan(&self, number: &str, qr: &str) -> Result<()> {
        let path = format!("phones/{number}/scan");
        self.call(Method::POST, &path, Some(json!({ "qr": qr }))).await.map(drop)
    }

    /// Types a message on a phone.
    pub(crate) async fn send(&self, from: &str, to: &str, text: &str) -> Result<()> {
        let path = format!("phones/{from}/send");
        self.call(Method::POST, &path, Some(json!({ "to": to, "text": text }))).await.map(drop)
    }

    /// Sends a file from a phone.
    pub(crate) async fn send_document(
        &self,
        from: &str,
        to: &str,
        caption: &str,
        base64: &str,
    ) -> Result<()> {
        let path = format!("phones/{from}/send-media");
        let body = json!({
            "to": to, "kind": "document", "base64": base64, "caption": caption,
            "mimeType": "application/octet-stream", "fileName": "noise.bin",
        });
        self.call(Method::POST, &path, Some(body)).await.map(drop)
    }

    /// How many of the texts that a phone shows begin so.
    pub(crate) async fn shown(&self, number: &str, beginning: &str) -> Result<usize> {
        let answer = self.call(Method::GET, &format!("phones/{number}/messages"), None).await?;
        let messages = answer["messages"].as_array().context("no messages in the answer")?;
        let texts = messages.iter().filter_map(|message| message["text"].as_str());
        Ok(texts.filter(|text| text.starts_with(beginning)).count())
    }

    /// How many linked devices are connected.
    pub(crate) async fn connected(&self) -> Result<usize> {
        let stats = self.call(Method::GET, "stats", None).await?;
        let connected = stats["connected"].as_u64().context("no number in the statistics")?;
        Ok(usize::try_from(connected)?)
    }

    /// The root of the media host's certificate, as PEM.
    pub(crate) async fn root_certificate(&self) -> Result<String> {
        let url = format!("{}/admin/root-certificate", self.url);
        Ok(self.http.get(url).send().await?.error_for_status()?.text().await?)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}/admin/{path}", self.url));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("the simulated WhatsApp answered {path} with {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}
