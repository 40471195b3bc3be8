//! A real browser without a window, driven over the protocol of web drivers.

use std::{
    net::TcpStream,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{files, proxy_servers::free_port, until};

/// One browser with one page, ended with the test.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    http: Client,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        until("chromedriver", || async { TcpStream::connect(("127.0.0.1", port)).ok() }).await;
        let profile = tempfile::tempdir().unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=800,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": { "args": arguments }
        } } });
        let url = format!("http://127.0.0.1:{port}/session");
        let made: Value = http.post(&url).json(&wanted).send().await.unwrap().json().await.unwrap();
        let id = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{made}"));
        Self { driver, session: format!("{url}/{id}"), http, _profile: profile }
    }

    async fn command(&self, method: Method, path: &str, body: Value) -> Value {
        let mut request = self.http.request(method, format!("{}/{path}", self.session));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["value"]["error"], Value::Null, "{path}: {answer}");
        answer["value"].clone()
    }

    pub(crate) async fn open(&self, url: &str) {
        self.command(Method::POST, "url", json!({ "url": url })).await;
    }

    /// Where the page is.
    pub(crate) async fn url(&self) -> String {
        self.command(Method::GET, "url", Value::Null).await.as_str().unwrap().to_owned()
    }

    /// What an expression gives on the page.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let body = json!({ "script": format!("return {expression};"), "args": [] });
        self.command(Method::POST, "execute/sync", body).await
    }

    /// What is seen, as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let picture = self.command(Method::GET, "screenshot", Value::Null).await;
        files::from_base64(picture.as_str().unwrap())
    }

    /// Ends it in order, so that it leaves no processes behind.
    pub(crate) async fn quit(self) {
        self.http.delete(&self.session).send().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is in its driver's group, and outlives a failed test otherwise.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.driver.wait();
    }
}
