//! Benchmarks of a gateway in a process of its own against the simulated WhatsApp in another one.
//!
//! They print figures and judge none. Both programs are the `wharf-sandbox` that lies beside this one.

mod arrivals;
mod bare;
mod bucket;
mod comparison;
mod events;
mod gateway;
mod load;
mod media;
mod messages;
mod postgres;
mod process;
mod receiver;
mod resources;
mod samples;
mod sessions;
mod side;
mod table;
mod through_gateway;
mod traffic;
mod wait;
mod whatsapp;
mod world;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::world::Place;

/// The one the gateway has, since the bare library runs in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the gateway against the simulated WhatsApp.
#[derive(Parser)]
#[command(name = "wharf-bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where to keep the databases while it runs, on a real disk; the system's temporary directory unless given
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave databases and logs there
    #[arg(long, global = true)]
    keep: bool,
    /// After how many seconds to give up
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 1800)]
    limit: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Memory, CPU and start-up of a gateway with many idle sessions
    Sessions(sessions::Arguments),
    /// Messages a second in and out, beside the bare library
    Messages(messages::Arguments),
    /// What the log costs: in memory, on SQLite, on PostgreSQL
    Events(events::Arguments),
    /// Documents in with and without a bucket, and out beside text
    Media(media::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("wharf-bench: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever ends first ends the rest, and the processes with it.
async fn run(cli: Cli) -> anyhow::Result<()> {
    let place = Place { parent: cli.dir.unwrap_or_else(std::env::temp_dir), keep: cli.keep };
    let bench = async {
        match &cli.command {
            Command::Sessions(arguments) => sessions::run(&place, arguments).await,
            Command::Messages(arguments) => messages::run(&place, arguments).await,
            Command::Events(arguments) => events::run(&place, arguments).await,
            Command::Media(arguments) => media::run(&place, arguments).await,
        }
    };
    tokio::select! {
        outcome = bench => outcome,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        () = tokio::time::sleep(Duration::from_secs(cli.limit)) => {
            anyhow::bail!("not done after {} seconds", cli.limit)
        }
    }
}
