//! The gateway, driven over HTTP as any client would.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    DEADLINE, WhatsApp,
    process::{self, Process, first_url},
};

pub(crate) const TOKEN: &str = "an-account-token-for-tests";

/// How a gateway is started.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// More settings, as the environment spells them.
    settings: Vec<(&'static str, String)>,
    /// More arguments.
    arguments: Vec<String>,
    /// Root certificates to trust, as PEM.
    roots: String,
    /// Gone with the last who uses it.
    schema: Option<Arc<Schema>>,
}

/// A PostgreSQL schema of a test's own.
struct Schema(String);

impl Schema {
    fn create() -> Self {
        let name = format!("e2e_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let schema = Self(name);
        // What an interrupted run with the same process id left behind.
        assert!(schema.run("DROP SCHEMA IF EXISTS {} CASCADE; CREATE SCHEMA {}"));
        schema
    }

    fn run(&self, sql: &str) -> bool {
        let sql = sql.replace("{}", &self.0);
        let done = std::process::Command::new("psql")
            .args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "test", "-c", &sql])
            .stderr(std::process::Stdio::null())
            .status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.run("DROP SCHEMA {} CASCADE");
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

impl Options {
    /// A PostgreSQL schema of its own.
    pub(crate) fn postgres() -> Self {
        let schema = Schema::create();
        let url = format!(
            "postgres://postgres@127.0.0.1:5432/test?options=-c%20search_path%3D{}",
            schema.0
        );
        let schema = Some(Arc::new(schema));
        Self { settings: vec![("WHARF_DATABASE_URL", url)], schema, ..Self::default() }
    }

    /// Holds events for their media no longer than that.
    pub(crate) fn hold_media(mut self, limit: &str) -> Self {
        self.arguments.extend(["--hold-media".to_owned(), limit.to_owned()]);
        self
    }

    /// Trusts certificates under that root too.
    pub(crate) fn trust(mut self, root_pem: &str) -> Self {
        self.roots += root_pem;
        self
    }

    /// Runs SQL behind the gateway's back and says whether that succeeded; `{}` is the schema.
    pub(crate) fn sql(&self, sql: &str) -> bool {
        self.schema.as_ref().unwrap().run(sql)
    }

    /// The lines that a query gives; `{}` is the schema.
    pub(crate) fn query(&self, sql: &str) -> String {
        let sql = sql.replace("{}", &self.schema.as_ref().unwrap().0);
        let asked = std::process::Command::new("psql")
            .args(["-q", "-t", "-A", "-h", "127.0.0.1", "-U", "postgres", "-d", "test", "-c", &sql])
            .output()
            .unwrap();
        assert!(asked.status.success(), "{sql}");
        String::from_utf8(asked.stdout).unwrap()
    }

    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }
}

pub(crate) struct Gateway {
    process: Option<Process>,
    whatsapp_url: String,
    dir: PathBuf,
    options: Options,
    url: String,
    http: Client,
}

impl Gateway {
    pub(crate) fn start(whatsapp: &WhatsApp, dir: &Path, options: Options) -> Self {
        let dir = dir.join("gateway");
        std::fs::create_dir_all(&dir).unwrap();
        let whatsapp_url = whatsapp.websocket();
        let (process, url) = spawn(&whatsapp_url, &dir, &options).unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { process: Some(process), whatsapp_url, dir, options, url, http }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Asks it to end, as an operator does.
    pub(crate) fn ask_to_end(&self) {
        self.process.as_ref().unwrap().signal("TERM");
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn wait_for_end(&mut self) -> std::process::ExitStatus {
        self.process.take().unwrap().wait_for_end().await
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        let (process, url) = spawn(&self.whatsapp_url, &self.dir, &self.options).unwrap();
        self.process = Some(process);
        self.url = url;
    }

    /// Runs another command of the program as this gateway is configured, and gives whether it succeeded and all it said.
    pub(crate) fn command(&self, arguments: &[&str]) -> (bool, String) {
        self.command_with(&Options::default(), arguments)
    }

    pub(crate) fn command_with(&self, more: &Options, arguments: &[&str]) -> (bool, String) {
        let output = process::command(arguments, &self.settings_with(more)).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Runs one until it says that.
    pub(crate) fn command_until(&self, arguments: &[&str], said: &'static str) -> Process {
        let settings = self.settings_with(&Options::default());
        Process::start(arguments, &settings, &self.dir.join("log"), said).unwrap().0
    }

    /// Runs one and kills it after a while, unless it ends before.
    pub(crate) async fn command_killed_after(&self, arguments: &[&str], pause: Duration) {
        let settings = self.settings_with(&Options::default());
        let mut child = process::command(arguments, &settings).spawn().unwrap();
        tokio::time::sleep(pause).await;
        let _ = child.kill();
        child.wait().unwrap();
    }

    fn settings_with(&self, more: &Options) -> Vec<(String, String)> {
        let mut options = self.options.clone();
        options.settings.extend(more.settings.iter().cloned());
        settings(&self.dir, &options)
    }

    /// More settings, from the next start on.
    pub(crate) fn add(&mut self, more: Options) {
        self.options.settings.extend(more.settings);
    }

    /// Where its files are: the log, and the data directory `data`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Tries to start another one with the same settings and a data directory of its own, and gives its error.
    pub(crate) fn refused_start_elsewhere(&self) -> String {
        let dir = self.dir.join("elsewhere");
        std::fs::create_dir_all(&dir).unwrap();
        spawn(&self.whatsapp_url, &dir, &self.options).err().unwrap()
    }

    /// Tries to start another one on the same data and gives its error.
    pub(crate) fn refused_start(&self, options: &Options) -> String {
        spawn(&self.whatsapp_url, &self.dir, options).err().unwrap()
    }

    /// Where it can be reached.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        self.call_as(TOKEN, method, path, body, &[]).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = request.header("token", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    /// A POST that succeeds.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Changes settings of the one instance there is in most tests.
    pub(crate) async fn set(&self, settings: Value) {
        self.post("/api/instance/settings/sales", settings).await;
    }

    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// Creates an instance whose events go to that URL.
    pub(crate) async fn create(&self, name: &str, webhook: &str) -> Value {
        let body = json!({ "name": name, "webhookEnabled": true, "webhookURL": webhook });
        let (status, answer) = self.call(Method::POST, "/api/instance/new", body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["instance"].clone()
    }

    /// Asks for a QR code, lets a phone scan it, and waits until the instance is connected.
    pub(crate) async fn pair(&self, name: &str, whatsapp: &WhatsApp, number: &str) {
        let (status, answer) = self.get(&format!("/api/instance/connect/{name}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        whatsapp.scan(number, answer["qrCode"].as_str().unwrap()).await;
        self.wait_for_state(name, "connected").await;
    }

    pub(crate) async fn send(&self, name: &str, number: &str, text: &str) -> (StatusCode, Value) {
        let body = json!({ "number": number, "message": text });
        self.call(Method::POST, &format!("/api/message/text/{name}"), body).await
    }

    pub(crate) async fn state(&self, name: &str) -> String {
        let (status, answer) = self.get(&format!("/api/instance/list?instanceName={name}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["instances"][0]["connection"]["state"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn wait_for_state(&self, name: &str, wanted: &str) {
        let look = async {
            while self.state(name).await != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, look).await.is_err() {
            let log = self.log();
            panic!("`{name}` is {} and never became {wanted}\n{log}", self.state(name).await);
        }
    }

    /// Waits until it has logged that.
    pub(crate) async fn wait_for_log(&self, said: &str) {
        let look = async {
            while !self.log().contains(said) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, look).await.is_ok();
        assert!(in_time, "no `{said}` in the log:\n{}", self.log());
    }

    /// The memory it uses that is not a file's, in megabytes of a million bytes.
    pub(crate) fn memory(&self) -> f64 {
        let process = self.process.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let kibibytes: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
        kibibytes * 1.024e-3
    }

    /// All it has logged, before restarts too.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }
}

fn settings(dir: &Path, options: &Options) -> Vec<(String, String)> {
    let mut settings = vec![
        ("WHARF_DATA_DIR".to_owned(), dir.join("data").display().to_string()),
        ("WHARF_ACCOUNT_TOKEN".to_owned(), TOKEN.to_owned()),
        ("WHARF_LOG".to_owned(), "warn,wharf=debug".to_owned()),
        ("WHARF_RATE_LIMIT".to_owned(), "0".to_owned()),
        ("WHARF_RATE_LIMIT_CREATE".to_owned(), "0".to_owned()),
    ];
    if !options.roots.is_empty() {
        let file = dir.join("roots.pem");
        std::fs::write(&file, &options.roots).unwrap();
        settings.push(("WHARF_EXTRA_CA_FILE".to_owned(), file.display().to_string()));
    }
    let more = options.settings.iter();
    settings.extend(more.map(|(name, value)| ((*name).to_owned(), value.clone())));
    settings
}

fn spawn(whatsapp: &str, dir: &Path, options: &Options) -> Result<(Process, String), String> {
    let mut arguments = vec!["gateway", "--whatsapp-url", whatsapp, "--listen", "127.0.0.1:0"];
    arguments.extend(options.arguments.iter().map(String::as_str));
    let settings = settings(dir, options);
    let (process, lines) = Process::start(&arguments, &settings, &dir.join("log"), "Listening on")?;
    Ok((process, first_url(lines.last().unwrap())))
}
