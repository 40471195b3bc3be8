//! The gateway half.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::ValueEnum;
use url::{Host, Url};
use wharf::{Config, LogInstead, Settings, Surroundings, cli::Offline};

use crate::{both, memory_log::MemoryLog};

/// What only tests and benchmarks ask for.
#[derive(Clone, Copy)]
pub(crate) struct ForTests {
    /// How long an event is held for its media.
    pub(crate) hold_media: Option<Duration>,
    /// Whether events and deliveries are lost with the process.
    pub(crate) log_in_memory: Option<InMemory>,
}

/// How messages come to a log that is lost with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InMemory {
    /// Once they are on the disk, so that none is lost before it is in the log; and from there into the store of messages, as
    /// from one that lasts.
    Kept,
    /// The same but for the store of messages.
    PutDown,
    /// As if the log were one that lasts, and not into the store of messages.
    AsTheyCome,
}

/// Runs a gateway against the simulated WhatsApp until the process is asked to end.
pub(crate) fn run(
    whatsapp_url: Url,
    test: ForTests,
    file: Option<PathBuf>,
    flags: &Settings,
) -> Result<()> {
    let settings = Settings::read(file, wharf::cli::environment(), flags)?;
    let log = test.log_in_memory.map(|how| {
        LogInstead::new(move |webhooks, messages| {
            let messages = (how == InMemory::Kept).then_some(messages);
            let log = Arc::new(MemoryLog::new(webhooks, messages));
            (log.clone(), log)
        })
    });
    let around = Surroundings {
        media_hold: test.hold_media,
        log,
        puts_messages_down: matches!(test.log_in_memory, Some(InMemory::Kept | InMemory::PutDown)),
        ..surroundings(whatsapp_url, None)?
    };
    wharf::cli::serve(Config::parse(&settings)?, around)
}

/// Does what the gateway does without serving; on the data of both halves unless the environment says otherwise.
pub(crate) fn offline(command: Offline) -> Result<()> {
    let mut settings = Settings::read(None, wharf::cli::environment(), &Settings::default())?;
    settings.data_dir.get_or_insert_with(|| both::gateway_dir().display().to_string());
    command.run(&Config::parse(&settings)?)
}

/// What is around a gateway in the sandbox.
///
/// Refuses any WhatsApp but one on this machine: this binary takes the simulator's certificates for WhatsApp's.
pub(crate) fn surroundings(whatsapp_url: Url, roots_pem: Option<String>) -> Result<Surroundings> {
    let loopback = match whatsapp_url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if !loopback {
        bail!("the sandbox connects to a simulated WhatsApp on this machine only");
    }
    if !matches!(whatsapp_url.scheme(), "ws" | "wss") {
        bail!("the URL of the simulated WhatsApp must begin with ws:// or wss://");
    }
    Ok(Surroundings {
        whatsapp_url: Some(whatsapp_url),
        client_version: Some(crate::CLIENT_VERSION),
        roots_pem,
        ..Surroundings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whatsapp_on_this_machine_is_talked_to() {
        let accepted = |url: &str| surroundings(url.parse().unwrap(), None).is_ok();
        assert!(accepted("ws://127.0.0.1:8081/ws/chat"));
        assert!(accepted("wss://[::1]:8081/ws/chat"));
        assert!(accepted("ws://localhost:8081/ws/chat"));
        for refused in [
            "wss://web.whatsapp.com/ws/chat",
            "ws://10.0.0.1/ws/chat",
            "ws://127.0.0.1.example.com/ws/chat",
            "http://127.0.0.1:8081/ws/chat",
        ] {
            assert!(!accepted(refused), "{refused}");
        }
    }
}
