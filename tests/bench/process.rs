//! A process of the sandbox, ended with the value that stands for it.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long a start or an orderly end may take.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Process {
    child: Child,
    id: u32,
}

impl Process {
    /// Starts `wharf-sandbox` and gives the first URL on the line of its output that has `marker`.
    pub(crate) async fn start(
        arguments: &[&str],
        settings: &[(&str, String)],
        log: &Path,
        marker: &str,
    ) -> Result<(Self, String)> {
        let program = std::env::current_exe()?.with_file_name("wharf-sandbox");
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WHARF_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(arguments)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let id = child.id().context("the process has no id")?;
        let output = child.stdout.take().context("the process has no output")?;
        let mut lines = BufReader::new(output).lines();
        let url = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if line.contains(marker) {
                    return Ok(first_url(&line));
                }
            }
            anyhow::Ok(None)
        });
        let Some(url) = url.await.context("no sign of life")?? else {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            bail!("`wharf-sandbox {}` did not start:\n{said}", arguments.join(" "));
        };
        // Read to the end, so that the process never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok((Self { child, id }, url))
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.id.to_string()]).status().await?;
        if !asked.success() {
            bail!("the process had ended before it was asked to");
        }
        timeout(PATIENCE, self.child.wait()).await.context("the process does not end")??;
        Ok(())
    }
}

fn first_url(line: &str) -> Option<String> {
    let start = line.find("http://")?;
    line[start..].split_whitespace().next().map(str::to_owned)
}
