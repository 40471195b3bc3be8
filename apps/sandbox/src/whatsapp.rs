//! The WhatsApp half.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Result, bail};
use wharf::{LogFormat, cli::EndRequests};
use wharf_whatsapp_sim::Simulator;

/// Runs the simulated WhatsApp until the process is asked to end.
pub(crate) fn run(listen: SocketAddr, data_dir: Option<PathBuf>) -> Result<()> {
    wharf::cli::log_to_stderr("error,wharf=warn", LogFormat::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let simulator = start(listen, data_dir).await?;
        println!(
            "Simulated WhatsApp: {} (WebSocket {})",
            simulator.admin_url(),
            simulator.whatsapp_url()
        );
        EndRequests::listen().next().await;
        simulator.stop().await;
        Ok(())
    })
}

/// Starts it; loopback only, since it lets anybody do anything.
pub(crate) async fn start(listen: SocketAddr, data_dir: Option<PathBuf>) -> Result<Simulator> {
    if !listen.ip().is_loopback() {
        bail!("the simulated WhatsApp listens on loopback addresses only");
    }
    let mut builder = Simulator::builder().listen(listen);
    if let Some(data_dir) = data_dir {
        builder = builder.data_dir(data_dir);
    }
    Ok(builder.start().await?)
}
