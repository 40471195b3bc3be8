//! The command line.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use wharf_domain::{account::AccountName, cors::Origin};

use crate::{
    Config, Gateway, LogFormat, Settings, Surroundings, logs,
    offline::{self, AccountCommand},
    rotation,
};

/// A self-hosted WhatsApp gateway.
#[derive(Parser)]
#[command(name = "wharf", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// A file with settings
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway; this is also what happens without a command
    Serve,
    #[command(flatten)]
    Offline(Offline),
}

/// What is done without serving.
#[derive(Subcommand)]
pub enum Offline {
    /// Make, list and change accounts, also beside a running server
    #[command(subcommand)]
    Account(Account),
    /// Bring the database's schema up to date
    Migrate,
    /// Seal everything with a new data key, and the data keys with a new master key
    ///
    /// The server must be stopped. Ended in the middle, it is taken up where it was by the same command. Until it says that
    /// the new key is in force the old file opens the database, from then on the new one.
    RotateKey {
        /// The file with the master key that is in force
        #[arg(long, value_name = "FILE")]
        old_key_file: PathBuf,
        /// The file with the master key that is to be; it is made where there is none
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
    },
    /// Print the effective configuration, secrets masked
    CheckConfig,
    /// Print the API's description
    Openapi,
}

/// What can be done to accounts.
#[derive(Subcommand)]
pub enum Account {
    /// Make an account and print its token, which nobody can see again
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// How many instances it may own; unlimited unless given or set
        #[arg(long)]
        quota: Option<u32>,
    },
    /// List all accounts
    List,
    /// Give an account a new token and print it; the old one is refused from then on
    RotateToken {
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// Change how many instances an account may own
    SetQuota {
        /// Its name
        #[arg(long)]
        name: String,
        /// A number, or `unlimited`
        #[arg(long)]
        quota: String,
    },
    /// Change which web pages may call with an account's token; without origins none may
    SetCors {
        /// Its name
        #[arg(long)]
        name: String,
        /// Such as `https://app.example.com`
        #[arg(value_name = "ORIGIN")]
        origins: Vec<String>,
    },
    /// Remove an account
    Delete {
        /// Its name
        #[arg(long)]
        name: String,
        /// Its instances too, unlinked where that is possible
        #[arg(long)]
        force: bool,
    },
}

impl Offline {
    /// Does it, and prints what there is to say.
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Account(account) => {
                let command = account.parse()?;
                print(&block_on(offline::account(config, command))?);
                Ok(())
            }
            Self::Migrate => block_on(offline::migrate(config)),
            Self::RotateKey { old_key_file, new_key_file } => {
                block_on(rotation::run(config, &old_key_file, &new_key_file, print))
            }
            Self::CheckConfig => {
                print(&config.to_string());
                Ok(())
            }
            Self::Openapi => {
                print(&wharf_http_ryze::openapi().to_pretty_json()?);
                Ok(())
            }
        }
    }
}

impl Account {
    fn parse(self) -> Result<AccountCommand> {
        let name = |name| AccountName::parse(name).map_err(anyhow::Error::from);
        Ok(match self {
            Self::Create { name: raw, quota } => AccountCommand::Create(name(raw)?, quota),
            Self::List => AccountCommand::List,
            Self::RotateToken { name: raw } => AccountCommand::RotateToken(name(raw)?),
            Self::SetQuota { name: raw, quota } => {
                let quota = match quota.as_str() {
                    "unlimited" => None,
                    number => Some(number.parse().context("--quota is no number")?),
                };
                AccountCommand::SetQuota(name(raw)?, quota)
            }
            Self::SetCors { name: raw, origins } => {
                let origin = |raw: &String| {
                    let wanted = || format!("`{raw}` is no origin such as https://app.example.com");
                    Origin::parse(raw).with_context(wanted)
                };
                AccountCommand::SetCors(
                    name(raw)?,
                    origins.iter().map(origin).collect::<Result<_>>()?,
                )
            }
            Self::Delete { name: raw, force } => AccountCommand::Delete(name(raw)?, force),
        })
    }
}

/// Reads arguments and environment, does what they say, and tells how that went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Settings::read(cli.config, environment(), &cli.settings)
        .and_then(|settings| Config::parse(&settings))
        .and_then(|config| run(cli.command.unwrap_or(Command::Serve), config));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // To standard error by hand: the log may not be set up yet, or not be looked at.
            eprintln!("wharf: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// The environment, as far as it is text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn run(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Serve => serve(config, Surroundings::default()),
        Command::Offline(command) => command.run(&config),
    }
}

/// Runs a gateway until the process is asked to end.
pub fn serve(config: Config, surroundings: Surroundings) -> Result<()> {
    log_to_stderr(&config.log, config.log_format)?;
    block_on(async {
        let mut asked = EndRequests::listen();
        let gateway = Gateway::open(config, surroundings).await?;
        if let Some(token) = gateway.first_token() {
            print(&format!("Account `default`, token (shown once): {}\n", token.expose()));
        }
        if let Some(address) = gateway.metrics_address() {
            print(&format!("Measures at http://{address}/metrics\n"));
        }
        print(&listening(gateway.address()?, gateway.public_url()));
        gateway.serve(async || asked.next().await).await
    })
}

/// Where it listens, and where callers reach it if that is elsewhere.
fn listening(address: SocketAddr, public_url: &str) -> String {
    let own = format!("http://{address}");
    if own == public_url {
        format!("Listening on {own}\n")
    } else {
        format!("Listening on {own} for callers of {public_url}\n")
    }
}

/// Sets the log up; it goes to standard error, so that standard output carries answers alone.
pub fn log_to_stderr(filter: &str, format: LogFormat) -> Result<()> {
    logs::set_up(filter, format)
}

/// What asks the process to end: Ctrl-C and `SIGTERM`, also while nobody waits for them.
pub struct EndRequests {
    #[cfg(unix)]
    signals: [Option<tokio::signal::unix::Signal>; 2],
}

impl EndRequests {
    /// From here on the signals end nothing by themselves. Where one cannot be listened for, it ends the process the hard
    /// way.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    #[must_use]
    pub fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind, signal};
                [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok())
            },
        }
    }

    /// Returns once somebody has asked, or has asked again.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            () = heard(interrupt) => {}
            () = heard(terminate) => {}
        }
    }

    /// Returns once somebody has asked, or has asked again.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // Whatever is left was not waited for on purpose.
    runtime.shutdown_background();
    outcome
}

/// Standard output may be closed; that is no reason to fail.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
