#![doc = include_str!("../README.md")]

mod both;
mod gateway;
mod memory_log;
mod whatsapp;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use url::Url;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The version of WhatsApp Web the gateway claims here. The simulator takes any; looking the current one up would
/// mean asking the internet.
const CLIENT_VERSION: (u32, u32, u32) = (2, 3000, 1_030_000_000);

const OTHERS: &str = "account, migrate, rotate-key and check-config work on ./sandbox-data unless \
    WHARF_DATA_DIR or WHARF_DATABASE_URL names another place.";

/// Wharf with a simulated WhatsApp beside it.
#[derive(Parser)]
#[command(name = "wharf-sandbox", version, about, max_term_width = 100, after_help = OTHERS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The simulated WhatsApp alone
    Whatsapp {
        /// Where to listen; loopback only
        #[arg(long, default_value = "127.0.0.1:8081")]
        listen: SocketAddr,
        /// Where to keep its state; without it nothing survives
        #[arg(long)]
        data_dir: Option<PathBuf>,
    },
    /// A gateway wired to a simulated WhatsApp
    Gateway {
        /// The simulated WhatsApp's WebSocket; loopback only
        #[arg(long, default_value = "ws://127.0.0.1:8081/ws/chat")]
        whatsapp_url: Url,
        /// A file with settings
        #[arg(long)]
        config: Option<PathBuf>,
        /// For tests: how long an event is held for its media to be in the bucket
        #[arg(long, hide = true, value_parser = humantime::parse_duration)]
        hold_media: Option<Duration>,
        /// For benchmarks: events and deliveries are kept in memory, and lost with the process
        #[arg(long, hide = true, value_enum)]
        log_in_memory: Option<gateway::InMemory>,
        #[command(flatten)]
        settings: Box<wharf::Settings>,
    },
    /// The gateway's other commands
    #[command(flatten)]
    Offline(wharf::cli::Offline),
}

fn main() -> ExitCode {
    wharf::huge_pages::decline();
    let outcome = match Cli::parse().command {
        None => both::run(),
        Some(Command::Whatsapp { listen, data_dir }) => whatsapp::run(listen, data_dir),
        Some(Command::Gateway { whatsapp_url, config, hold_media, log_in_memory, settings }) => {
            let test = gateway::ForTests { hold_media, log_in_memory };
            gateway::run(whatsapp_url, test, config, &settings)
        }
        Some(Command::Offline(command)) => gateway::offline(command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("wharf-sandbox: {e:#}");
            ExitCode::FAILURE
        }
    }
}
