//! Starting a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Simulator;
use crate::error::Result;
use crate::hub::{Hub, Setup};
use crate::media::Media;
use crate::noise::ServerKeys;
use crate::server::{self, Server};
use crate::state::account;
use crate::state::groups::Groups;
use crate::state::journal::{Batch, parse};
use crate::state::ledger::{Collect, Ledger};
use crate::state::newsletters::Newsletters;
use crate::tls::TlsIdentity;

/// The journal's record of the server itself.
const SERVER: &str = "server";

/// How to start a simulator.
#[derive(Clone, Debug)]
pub struct Builder {
    listen: SocketAddr,
    data_dir: Option<PathBuf>,
    lid_addressing: bool,
}

/// What the server keeps of its own, so that clients know it again.
#[derive(Serialize, Deserialize)]
struct Identity {
    noise: ServerKeys,
    tls: TlsIdentity,
}

impl Default for Builder {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), data_dir: None, lid_addressing: false }
    }
}

impl Builder {
    /// Listens there instead of on a loopback port of the system's choice.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keeps everything in this directory across restarts. One simulator at a time may use it.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Makes new accounts such that their chats are addressed by LID, as WhatsApp's newer ones are,
    /// instead of by phone number.
    #[must_use]
    pub fn lid_addressing(mut self, by_lid: bool) -> Self {
        self.lid_addressing = by_lid;
        self
    }

    /// Starts.
    pub async fn start(self) -> Result<Simulator> {
        let (ledger, records) = Ledger::open(self.data_dir.as_deref())?;
        let ledger = Arc::new(ledger);
        let identity: Option<Identity> =
            records.get(SERVER).map(|json| parse(SERVER, json)).transpose()?;
        let known = identity.is_some();
        let Identity { noise, tls } = match identity {
            Some(identity) => identity,
            None => Identity { noise: ServerKeys::generate()?, tls: TlsIdentity::generate()? },
        };
        let accounts = account::restore(&records, &ledger)?;
        let acceptor = tls.acceptor()?;
        let listener = server::listen(self.listen).await?;
        let setup = Setup {
            keys: noise,
            tls,
            address: listener.local_addr()?,
            lid_addressing: self.lid_addressing,
            ledger: Arc::clone(&ledger),
            groups: Groups::restore(&records)?,
            newsletters: Newsletters::restore(&records)?,
            media: Media::new(self.data_dir.map(|directory| directory.join("media"))),
        };
        let hub = Arc::new(Hub::new(setup, accounts));
        let state: Weak<dyn Collect> = Arc::downgrade(&(Arc::clone(&hub) as Arc<dyn Collect>));
        ledger.start(state)?;
        if !known {
            let _change = ledger.change();
            ledger.mark(SERVER);
        }
        let simulator =
            Simulator { hub, closing: CancellationToken::new(), tasks: TaskTracker::new() };
        let server = Server {
            hub: Arc::clone(&simulator.hub),
            tls: acceptor,
            closing: simulator.closing.clone(),
            tasks: simulator.tasks.clone(),
        };
        simulator.tasks.spawn(server.run(listener, simulator.clone()));
        Ok(simulator)
    }
}

impl Collect for Hub {
    fn collect(&self, number: &str, batch: &mut Batch) {
        if number == SERVER {
            let identity = Identity { noise: self.keys.clone(), tls: self.tls.clone() };
            batch.put(SERVER, &identity);
        } else if self.groups.collect(number, batch) || self.newsletters.collect(number, batch) {
            // Written already.
        } else if let Some(account) = self.account(number) {
            account.collect(batch);
        }
    }

    fn collect_all(&self, batch: &mut Batch) {
        self.collect(SERVER, batch);
        self.groups.collect_all(batch);
        self.newsletters.collect_all(batch);
        for account in self.accounts() {
            account.collect_all(batch);
        }
    }
}
