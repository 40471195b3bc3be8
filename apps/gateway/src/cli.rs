//! The command line.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::FilterFn, layer::SubscriberExt, util::SubscriberInitExt,
};
use wharf_domain::{account::AccountName, cors::Origin};

use crate::{
    Config, Gateway, Settings, Surroundings,
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
    log_to_stderr(&config.log)?;
    block_on(async {
        let gateway = Gateway::open(config, surroundings).await?;
        if let Some(token) = gateway.first_token() {
            print(&format!("Account `default`, token (shown once): {}\n", token.expose()));
        }
        print(&format!("Listening on {}\n", gateway.public_url()));
        gateway.serve(asked_to_end()).await
    })
}

/// Sets the log up; logs go to standard error, so that standard output carries answers alone.
pub fn log_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("WHARF_LOG cannot be used")?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(filter)
        .with(FilterFn::new(may_be_logged))
        .with(lines)
        .try_init()
        .map_err(|e| anyhow::anyhow!(e))
}

/// Whatever filter is set: the WhatsApp library writes pairing codes and phone numbers to its log below the level of
/// warnings, under these names, and in warnings the URLs of media with what opens them.
fn may_be_logged(event: &Metadata<'_>) -> bool {
    let of_the_library = ["Client", "Bot", "whatsapp_rust", "wacore"];
    let of_media = ["whatsapp_rust::download", "whatsapp_rust::upload"];
    let is_of = |names: &[&str]| names.iter().any(|name| event.target().starts_with(name));
    let most = if is_of(&of_media) {
        Level::ERROR
    } else if is_of(&of_the_library) {
        Level::WARN
    } else {
        Level::TRACE
    };
    *event.level() <= most
}

/// Returns once somebody has asked the process to end, by Ctrl-C or `SIGTERM`.
pub async fn asked_to_end() {
    let interrupt = async {
        // Where the signal cannot be listened for, the process ends the hard way.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Standard output may be closed; that is no reason to fail.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn the_librarys_secrets_stay_out_of_the_most_talkative_log() {
        let written = Written::default();
        let lines = tracing_subscriber::fmt::layer().with_writer(written.clone());
        let log = tracing_subscriber::registry()
            .with(EnvFilter::new("trace"))
            .with(FilterFn::new(may_be_logged))
            .with(lines);
        tracing::subscriber::with_default(log, || {
            tracing::info!(target: "Client/PairCode", "the code is ABCD-EFGH");
            tracing::debug!(target: "whatsapp_rust::pair", "5511999990001");
            tracing::warn!(target: "whatsapp_rust::client", "trouble");
            tracing::warn!(target: "whatsapp_rust::download", "https://mmg.whatsapp.net/?auth=a");
            tracing::info!(target: "wharf::gateway", "ours");
        });
        let text = written.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("trouble") && text.contains("ours"), "{text}");
        assert!(!text.contains("ABCD") && !text.contains("5511999990001"), "{text}");
        assert!(!text.contains("auth="), "{text}");
    }
}
