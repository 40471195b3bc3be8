//! A directory and the two processes of a benchmark.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{gateway::Gateway, whatsapp::WhatsApp};

/// Where databases and logs are kept while a benchmark runs.
pub(crate) struct Place {
    pub(crate) parent: PathBuf,
    /// Whether to leave them there.
    pub(crate) keep: bool,
}

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) whatsapp: Arc<WhatsApp>,
    dir: TempDir,
}

impl World {
    /// Both processes started, on a new directory.
    pub(crate) async fn start(place: &Place) -> Result<Self> {
        Self::start_with(place, &[], &[]).await
    }

    /// The same, with more flags and settings of the gateway.
    pub(crate) async fn start_with(
        place: &Place,
        flags: &[&str],
        settings: &[(&str, String)],
    ) -> Result<Self> {
        let mut dir = tempfile::Builder::new();
        let dir =
            dir.prefix("wharf-bench-").disable_cleanup(place.keep).tempdir_in(&place.parent)?;
        if place.keep {
            println!("in {}", dir.path().display());
        }
        let whatsapp = Arc::new(WhatsApp::start(dir.path()).await?);
        let gateway = Gateway::start_with(dir.path(), &whatsapp, flags, settings).await?;
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
