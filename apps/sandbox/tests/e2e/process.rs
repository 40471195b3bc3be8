//! A process of the sandbox, ended with the test that started it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::DEADLINE;

pub(crate) struct Process {
    child: Child,
}

/// `wharf-sandbox` with a clean environment, its output piped.
pub(crate) fn command(arguments: &[&str], environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf-sandbox"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Process {
    /// Starts `wharf-sandbox` and gives what follows `marker` on the line of its output that
    /// has it.
    pub(crate) fn start(
        arguments: &[&str],
        environment: &[(String, String)],
        log: &Path,
        marker: &'static str,
    ) -> Result<(Self, Vec<String>), String> {
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = command(arguments, environment).stderr(log_file).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (lines, printed) = mpsc::channel();
        // Reads to the end, so that the process never waits for a reader.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut seen = Vec::new();
        while let Ok(line) = printed.recv_timeout(DEADLINE) {
            let found = line.contains(marker);
            seen.push(line);
            if found {
                return Ok((Self { child }, seen));
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(std::fs::read_to_string(log).unwrap_or_default())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn wait_for_end(mut self) -> ExitStatus {
        let look = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, look).await.unwrap()
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first URL on a line.
pub(crate) fn first_url(line: &str) -> String {
    let start = line.find("http://").unwrap();
    line[start..].split_whitespace().next().unwrap().to_owned()
}
