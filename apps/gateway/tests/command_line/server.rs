//! The binary and a server of it, ended with the test that started it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use reqwest::{
    Method, StatusCode,
    blocking::{Client, Response},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) fn wharf(dir: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).env("WHARF_DATA_DIR", dir.path().join("data")).stdin(Stdio::null());
    command
}

pub(crate) fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    wharf(dir, arguments).output().unwrap()
}

/// What it printed; fails when the command did.
pub(crate) fn printed(dir: &TempDir, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn token_in(text: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.split_once("(shown once): "))
        .map(|(_, t)| t.trim().to_owned())
}

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// Everything it printed up to being ready.
    pub(crate) output: String,
    http: Client,
}

impl Server {
    pub(crate) fn start(dir: &TempDir) -> Self {
        Self::start_with(dir, &[])
    }

    /// One with more settings; its log goes into the file `log`.
    pub(crate) fn start_with(dir: &TempDir, settings: &[(&str, &str)]) -> Self {
        let log = File::options().create(true).append(true).open(dir.path().join("log")).unwrap();
        let child = wharf(dir, &["--listen", "127.0.0.1:0"])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        let mut server = Self { child, url: String::new(), output: String::new(), http };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&mut self) {
        let stdout = self.child.stdout.take().unwrap();
        let (lines, read) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        while self.url.is_empty() {
            let line = read.recv_timeout(DEADLINE).unwrap();
            self.output += &(line.clone() + "\n");
            if let Some(url) = line.strip_prefix("Listening on ") {
                url.clone_into(&mut self.url);
            }
        }
    }

    pub(crate) fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let answer = request.header("token", token).json(body).send().unwrap();
        (answer.status(), answer.json().unwrap())
    }

    pub(crate) fn list(&self, token: &str) -> StatusCode {
        self.call(token, Method::GET, "/api/instance/list", &Value::Null).0
    }

    /// A GET, with more headers.
    pub(crate) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.http.get(url);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .unwrap()
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn end(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// The origin that a preflight from a page there is answered with.
    pub(crate) fn preflight(&self, origin: &str) -> Option<String> {
        let request = self.http.request(Method::OPTIONS, format!("{}/api/instance/list", self.url));
        let request = request.header("origin", origin);
        let answer = request.header("access-control-request-method", "GET").send().unwrap();
        let allowed = answer.headers().get("access-control-allow-origin")?;
        Some(allowed.to_str().unwrap().to_owned())
    }

    pub(crate) fn create(&self, token: &str, name: &str) -> StatusCode {
        self.call(token, Method::POST, "/api/instance/new", &json!({ "name": name })).0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
