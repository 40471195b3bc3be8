//! A PostgreSQL schema for one benchmark, on the server that answers at the usual loopback port.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

const SCHEMA: &str = "wharf_bench";

/// Gone when it is dropped.
pub(crate) struct Schema {
    name: &'static str,
}

impl Schema {
    /// Makes it anew; `None` when no server answers.
    pub(crate) fn create() -> Result<Option<Self>> {
        if ask("SELECT 1").is_err() {
            return Ok(None);
        }
        ask(&format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}"))?;
        Ok(Some(Self { name: SCHEMA }))
    }

    pub(crate) fn url(&self) -> String {
        let name = self.name;
        format!("postgres://postgres@127.0.0.1:5432/test?options=-c%20search_path%3D{name}")
    }

    /// Whether the server waits for its disk.
    pub(crate) fn is_on_durable_server() -> Result<bool> {
        Ok(ask("SHOW fsync")?.trim() == "on")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let _ = ask(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name));
    }
}

fn ask(sql: &str) -> Result<String> {
    let asked = Command::new("psql")
        .args(["-qtA", "-h", "127.0.0.1", "-U", "postgres", "-d", "test", "-c", sql])
        .stderr(Stdio::null())
        .output()?;
    ensure!(asked.status.success(), "PostgreSQL refused: {sql}");
    Ok(String::from_utf8(asked.stdout)?)
}
