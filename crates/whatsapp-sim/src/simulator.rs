//! The simulator as Rust programs use it.

mod builder;
mod fault;
mod groups;
mod newsletters;
mod phone;

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use builder::Builder;
pub(crate) use fault::{refusal, strike_line};
pub use groups::{GroupView, MemberView};
pub use phone::{DeviceView, Doing, Phone, Telling};

use crate::error::{Error, Result};
use crate::faults::ActiveFault;
use crate::hub::Hub;
use crate::pairing;
use crate::peers::Peer;
use crate::phone::link::Qr;

/// A running simulator. Clones are the same one; it runs until [`stop`](Self::stop) is called or the
/// runtime ends.
#[derive(Clone)]
pub struct Simulator {
    hub: Arc<Hub>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What the simulator has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// The accounts there are.
    pub accounts: usize,
    /// The linked devices there are.
    pub devices: usize,
    /// Those of them that are connected.
    pub connected: usize,
    /// The stanzas that wait to be acknowledged.
    pub queued: usize,
    /// The messages taken from clients and phones since the start.
    pub messages: u64,
    /// The messages that a fault has delivered to a device again.
    pub redelivered: u64,
    /// What clients have sent that the simulator does not know, and how often.
    pub unknown: std::collections::BTreeMap<String, u64>,
}

impl Simulator {
    /// Starts on a loopback port of the system's choice, keeping everything in memory.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Starts with a choice of address, data directory and addressing.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.hub.address
    }

    /// Where clients connect.
    #[must_use]
    pub fn whatsapp_url(&self) -> String {
        format!("ws://{}/ws/chat", self.hub.address)
    }

    /// What the paths of the administration are appended to.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.hub.address)
    }

    /// The certificate a client has to trust to use the same port over TLS.
    #[must_use]
    pub fn root_certificate_pem(&self) -> String {
        self.hub.tls.root_pem().to_owned()
    }

    /// Makes a phone with an account.
    pub fn create_phone(&self, number: &str, name: &str) -> Result<Phone> {
        self.create_addressed_phone(number, name, self.hub.lid_addressing)
    }

    /// Makes a phone whose chats are addressed by LID, or by number, whatever the others' are.
    pub fn create_addressed_phone(&self, number: &str, name: &str, by_lid: bool) -> Result<Phone> {
        let digits = number.len() >= 7 && number.len() <= 15 && !number.starts_with('0');
        if !digits || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::Invalid(format!(
                "`{number}` is no phone number in international form"
            )));
        }
        if name.trim().is_empty() {
            return Err(Error::Invalid("a phone's owner has a name".to_owned()));
        }
        let _change = self.hub.ledger.change();
        let account = self.hub.create_account(number, name, by_lid)?;
        Ok(Phone::new(Arc::clone(&self.hub), account))
    }

    /// The phone with this number.
    #[must_use]
    pub fn phone(&self, number: &str) -> Option<Phone> {
        let account = self.hub.account(number)?;
        Some(Phone::new(Arc::clone(&self.hub), account))
    }

    /// All phones, by number.
    #[must_use]
    pub fn phones(&self) -> Vec<Phone> {
        let accounts = self.hub.accounts().into_iter();
        accounts.map(|account| Phone::new(Arc::clone(&self.hub), account)).collect()
    }

    /// Links the client that shows this QR code to the account that belongs to the name it
    /// announces: a new account for a name nobody has, or for no name.
    pub async fn scan_by_name(&self, qr: &str) -> Result<(Phone, u16)> {
        let qr = Qr::parse(qr)?;
        let unpaired = self.hub.pairings.shown_by(&qr)?;
        let name = unpaired.push_name.clone();
        // Asked before there is an account: a refusal leaves none behind.
        let known = self.hub.account_named(&name);
        let number = known.map_or_else(|| self.hub.free_number(), |known| known.number.clone());
        pairing::check_allowed(&self.hub, &number, Some(&unpaired))?;
        let account = {
            let _change = self.hub.ledger.change();
            self.hub.account_for_name(&name)?
        };
        let device = pairing::scan_allowed(&self.hub, &account, &qr).await?;
        Ok((Phone::new(Arc::clone(&self.hub), account), device))
    }

    /// The faults that have not struck for the last time.
    #[must_use]
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.hub.faults.list()
    }

    /// Removes all faults. What they have done stays done, but stalled connections go on.
    pub fn clear_faults(&self) {
        self.hub.faults.clear();
        for account in self.hub.accounts() {
            for (_, line) in account.lock().lines() {
                line.resume();
            }
        }
    }

    /// Where clients have connected from, to the server and to the media host, in order.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        self.hub.peers.list()
    }

    /// Begins the list of [`peers`](Self::peers) anew.
    pub fn forget_peers(&self) {
        self.hub.peers.forget();
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Statistics {
        let mut statistics = Statistics {
            accounts: 0,
            devices: 0,
            connected: 0,
            queued: 0,
            messages: self.hub.stats.messages(),
            redelivered: self.hub.stats.redelivered(),
            unknown: self.hub.stats.unknown(),
        };
        for account in self.hub.accounts() {
            let state = account.lock();
            statistics.accounts += 1;
            statistics.devices += state.devices.len();
            statistics.connected += state.lines().count();
            statistics.queued +=
                state.devices.values().map(|device| device.queue.census().total).sum::<usize>();
        }
        statistics
    }

    /// Waits until the present state would survive the end of the process.
    pub async fn settled(&self) {
        self.hub.settled().await;
    }

    /// Hangs up on everybody, writes down what is left and frees the port.
    pub async fn stop(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let hub = Arc::clone(&self.hub);
        // The journal's thread is joined, and that blocks.
        let _ = tokio::task::spawn_blocking(move || hub.ledger.stop()).await;
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("address", &self.hub.address).finish_non_exhaustive()
    }
}
