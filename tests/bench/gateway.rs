//! The gateway, driven over HTTP.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{process::Process, wait, whatsapp::WhatsApp};

const TOKEN: &str = "the-account-token-of-a-benchmark";
/// How long a session may take to become connected.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Gateway {
    process: Process,
    url: String,
    http: Client,
    dir: PathBuf,
}

impl Gateway {
    /// Starts one on the data in `dir`, with the product's defaults but the rate limits.
    pub(crate) async fn start(dir: &Path, whatsapp: &WhatsApp) -> Result<Self> {
        Self::start_with(dir, whatsapp, &[], &[]).await
    }

    /// The same, with more flags and settings.
    pub(crate) async fn start_with(
        dir: &Path,
        whatsapp: &WhatsApp,
        flags: &[&str],
        more: &[(&str, String)],
    ) -> Result<Self> {
        let websocket = whatsapp.websocket();
        let arguments = ["gateway", "--whatsapp-url", &websocket, "--listen", "127.0.0.1:0"];
        let arguments = [&arguments[..], flags].concat();
        // What vouches for the media host.
        let roots = dir.join("roots.pem");
        std::fs::write(&roots, whatsapp.root_certificate().await?)?;
        let mut settings = vec![
            ("WHARF_DATA_DIR", data_dir(dir).display().to_string()),
            ("WHARF_EXTRA_CA_FILE", roots.display().to_string()),
            ("WHARF_ACCOUNT_TOKEN", TOKEN.to_owned()),
            ("WHARF_RATE_LIMIT", "0".to_owned()),
            ("WHARF_RATE_LIMIT_CREATE", "0".to_owned()),
        ];
        settings.extend(more.iter().cloned());
        let log = dir.join("gateway.log");
        let (process, url) = Process::start(&arguments, &settings, &log, "Listening on").await?;
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(90)).build()?;
        Ok(Self { process, url, http, dir: dir.to_owned() })
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        data_dir(&self.dir)
    }

    /// Lets it end in order.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }

    /// Creates an instance, links it to a phone and waits until it is connected.
    pub(crate) async fn pair(
        &self,
        name: &str,
        webhook: Option<&str>,
        whatsapp: &WhatsApp,
        number: &str,
    ) -> Result<()> {
        let body = match webhook {
            Some(url) => json!({ "name": name, "webhookEnabled": true, "webhookURL": url }),
            None => json!({ "name": name }),
        };
        self.call(Method::POST, "/api/instance/new", Some(body)).await?;
        let path = format!("/api/instance/connect/{name}");
        let answer = self.call(Method::GET, &path, None).await?;
        let qr = answer["qrCode"].as_str().context("no QR code in the answer")?;
        whatsapp.scan(number, qr).await?;
        wait::until("a paired session connects", PATIENCE, Duration::from_millis(50), || async {
            let states = self.states(&format!("?instanceName={name}")).await?;
            Ok((states == ["connected"]).then_some(()))
        })
        .await
    }

    /// How many instances say that they are connected.
    pub(crate) async fn connected(&self) -> Result<usize> {
        Ok(self.states("").await?.iter().filter(|state| *state == "connected").count())
    }

    /// Sends a text; returns once WhatsApp's server has acknowledged it.
    pub(crate) async fn send(&self, name: &str, number: &str, text: &str) -> Result<()> {
        let body = json!({ "number": number, "message": text });
        self.call(Method::POST, &format!("/api/message/text/{name}"), Some(body)).await.map(drop)
    }

    /// Sends a document; returns once WhatsApp's server has acknowledged it.
    pub(crate) async fn send_document(
        &self,
        name: &str,
        number: &str,
        caption: &str,
        base64: &str,
    ) -> Result<()> {
        let body = json!({
            "number": number, "mediaType": "document", "mediaBase64": base64, "message": caption,
            "fileName": "noise.bin", "mimeType": "application/octet-stream",
        });
        self.call(Method::POST, &format!("/api/message/media/{name}"), Some(body)).await.map(drop)
    }

    /// Lets an instance put the media it receives into a bucket.
    pub(crate) async fn keep_media(&self, name: &str, bucket: Value) -> Result<()> {
        self.call(Method::POST, &format!("/api/instance/s3/{name}"), Some(bucket)).await.map(drop)
    }

    async fn states(&self, query: &str) -> Result<Vec<String>> {
        let answer = self.call(Method::GET, &format!("/api/instance/list{query}"), None).await?;
        let instances = answer["instances"].as_array().context("no instances in the answer")?;
        let states = instances.iter().map(|one| one["connection"]["state"].as_str());
        Ok(states.flatten().map(str::to_owned).collect())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = request.header("token", TOKEN);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("the gateway answered {path} with {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}

fn data_dir(dir: &Path) -> PathBuf {
    dir.join("data")
}
