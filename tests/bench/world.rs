//! A directory and the two processes of a benchmark.

use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{gateway::Gateway, whatsapp::WhatsApp};

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) whatsapp: WhatsApp,
    dir: TempDir,
}

impl World {
    /// Both processes started, on a new directory within `parent`.
    pub(crate) async fn start(parent: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("wharf-bench-").tempdir_in(parent)?;
        let whatsapp = WhatsApp::start(dir.path()).await?;
        let gateway = Gateway::start(dir.path(), &whatsapp).await?;
        Ok(Self { gateway, whatsapp, dir })
    }

    /// The same with the gateway ended in order and started again, and when that start began.
    pub(crate) async fn restart_gateway(self) -> Result<(Self, Instant)> {
        let Self { gateway, whatsapp, dir } = self;
        gateway.stop().await?;
        let start = Instant::now();
        let gateway = Gateway::start(dir.path(), &whatsapp).await?;
        Ok((Self { gateway, whatsapp, dir }, start))
    }
}

/// A number that is nobody's: the `nth` of a block.
pub(crate) fn number(nth: usize) -> String {
    format!("551199999{nth:04}")
}

/// How many numbers there are.
pub(crate) const NUMBERS: usize = 10_000;
