//! A PostgreSQL server of a test's own, to be restarted at will.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

pub(super) struct Cluster {
    dir: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { dir, programs: programs(), port };
        // The server refuses to run as root.
        if is_root() {
            let owner = Command::new("chown").arg("postgres:").arg(cluster.dir.path()).status();
            assert!(owner.unwrap().success());
        }
        cluster.run("initdb", &["--username", "postgres", "--auth", "trust", "--no-sync"]);
        cluster.control("start");
        cluster
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends all connections at once, as a crash of the server would, and starts it again.
    pub(super) fn restart(&self) {
        self.control("restart");
    }

    fn control(&self, command: &str) {
        let (port, sockets) = (self.port, self.dir.path().display());
        let options = format!("-h 127.0.0.1 -p {port} -k {sockets}");
        let log = self.dir.path().join("log");
        let log = log.to_str().unwrap();
        let always = ["--wait", "--silent", "--log", log, "--options", &options];
        match command {
            "start" => self.run("pg_ctl", &[&always[..], &["start"]].concat()),
            other => self.run("pg_ctl", &[&always[..], &["--mode", "immediate", other]].concat()),
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("--pgdata").arg(self.dir.path().join("data")).args(arguments);
        let done = command.current_dir(self.dir.path()).stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "{command:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["--mode", "immediate", "--silent", "stop"]);
    }
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output().unwrap();
    asked.stdout.starts_with(b"0")
}

/// Where Debian keeps them, or where the shell finds them.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = debian.chain(std::env::split_paths(&path));
    let found = all.find(|dir| Path::new(dir).join("initdb").exists());
    found.unwrap_or_else(|| panic!("PostgreSQL is not installed"))
}
