//! The server's shared state: who exists, who is connected, what is being paired.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use wacore_binary::{Jid, Node, Server};

use crate::clock;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::handset::{self, Handset};
use crate::media::Media;
use crate::noise::ServerKeys;
use crate::pairing::Pairings;
use crate::peers::Peers;
use crate::phone::signal::DeviceAddress;
use crate::state::account::Account;
use crate::state::groups::Groups;
use crate::state::ledger::Ledger;
use crate::state::newsletters::Newsletters;
use crate::stats::Stats;
use crate::tls::TlsIdentity;

/// The first number of accounts that are made for a name: visibly no person's.
const FIRST_NUMBER: u64 = 5_511_999_980_001;

/// See the module.
pub(crate) struct Hub {
    pub(crate) keys: ServerKeys,
    pub(crate) tls: TlsIdentity,
    pub(crate) address: SocketAddr,
    pub(crate) lid_addressing: bool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) pairings: Pairings,
    pub(crate) media: Media,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
    pub(crate) peers: Peers,
    pub(crate) groups: Groups,
    pub(crate) newsletters: Newsletters,
    directory: RwLock<Directory>,
    lines: AtomicU64,
}

#[derive(Default)]
struct Directory {
    numbers: HashMap<String, Arc<Account>>,
    lids: HashMap<String, Arc<Account>>,
    /// The first account of a name.
    names: HashMap<String, Arc<Account>>,
    /// How many accounts there have been.
    created: u64,
}

/// A stanza and the device it is for.
pub(crate) struct Parcel {
    pub(crate) to: DeviceAddress,
    pub(crate) stanza: Node,
}

/// What a hub is made of besides the accounts.
pub(crate) struct Setup {
    pub(crate) keys: ServerKeys,
    pub(crate) tls: TlsIdentity,
    pub(crate) address: SocketAddr,
    pub(crate) lid_addressing: bool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) media: Media,
    pub(crate) groups: Groups,
    pub(crate) newsletters: Newsletters,
}

impl Hub {
    pub(crate) fn new(setup: Setup, mut accounts: Vec<Account>) -> Self {
        let mut directory = Directory::default();
        // So that a name goes on belonging to the first account that had it.
        accounts.sort_by_key(|account| account.created);
        for account in accounts {
            directory.insert(Arc::new(account));
        }
        let Setup { keys, tls, address, lid_addressing, ledger, media, groups, newsletters } =
            setup;
        Self {
            keys,
            tls,
            address,
            lid_addressing,
            ledger,
            pairings: Pairings::default(),
            media,
            stats: Stats::default(),
            faults: Faults::default(),
            peers: Peers::default(),
            groups,
            newsletters,
            directory: RwLock::new(directory),
            lines: AtomicU64::new(0),
        }
    }

    /// A number for a new connection.
    pub(crate) fn next_line(&self) -> u64 {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }

    /// The account of a phone number.
    pub(crate) fn account(&self, number: &str) -> Option<Arc<Account>> {
        self.read().numbers.get(number).cloned()
    }

    /// The account an address belongs to, by number or by LID.
    pub(crate) fn account_of(&self, jid: &Jid) -> Option<Arc<Account>> {
        let directory = self.read();
        match jid.server {
            Server::Pn => directory.numbers.get(jid.user.as_str()).cloned(),
            Server::Lid => directory.lids.get(jid.user.as_str()).cloned(),
            _ => None,
        }
    }

    /// The first account that was given this name.
    pub(crate) fn account_named(&self, name: &str) -> Option<Arc<Account>> {
        self.read().names.get(name).cloned()
    }

    /// All accounts, by number.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        let mut accounts: Vec<_> = self.read().numbers.values().cloned().collect();
        accounts.sort_by(|a, b| a.number.cmp(&b.number));
        accounts
    }

    /// Makes an account and its phone. Under a change.
    pub(crate) fn create_account(
        &self,
        number: &str,
        name: &str,
        lid_addressed: bool,
    ) -> Result<Arc<Account>> {
        let handset = Handset::new()?;
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        if directory.numbers.contains_key(number) {
            return Err(Error::Conflict(format!(
                "there is a phone with the number `{number}` already"
            )));
        }
        self.add_account(&mut directory, number, name, lid_addressed, handset)
    }

    /// The first account of this name; a new one for a name nobody has, and for no name. Under a
    /// change.
    pub(crate) fn account_for_name(&self, name: &str) -> Result<Arc<Account>> {
        let handset = Handset::new()?;
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = directory.names.get(name) {
            return Ok(Arc::clone(known));
        }
        let number = directory.free_number();
        let name = if name.is_empty() { &number } else { name };
        self.add_account(&mut directory, &number, name, self.lid_addressing, handset)
    }

    fn add_account(
        &self,
        directory: &mut Directory,
        number: &str,
        name: &str,
        lid_addressed: bool,
        handset: Handset,
    ) -> Result<Arc<Account>> {
        let lid = loop {
            let lid =
                format!("{}", rand::random_range(100_000_000_000_000_u64..1_000_000_000_000_000));
            if !directory.lids.contains_key(&lid) {
                break lid;
            }
        };
        let account = Arc::new(Account::new(
            number.to_owned(),
            lid,
            lid_addressed,
            directory.created,
            name.to_owned(),
            handset,
            Arc::clone(&self.ledger),
        ));
        let mut state = account.lock();
        state.is_new();
        handset::announce_name(&mut state)?;
        drop(state);
        directory.insert(Arc::clone(&account));
        Ok(account)
    }

    /// A number nobody has.
    pub(crate) fn free_number(&self) -> String {
        self.read().free_number()
    }

    /// Hands stanzas to devices: into the queues of the linked ones; phones take theirs at once, and
    /// what they answer is handed on. Under a change, and without an account's lock.
    pub(crate) fn deliver(&self, parcels: Vec<Parcel>) {
        let mut rest = std::collections::VecDeque::from(parcels);
        while let Some(Parcel { to, stanza }) = rest.pop_front() {
            let Some(account) = self.account(&to.number) else { continue };
            if to.device == 0 {
                rest.extend(handset::receive(self, &account, &stanza));
            } else {
                account.lock().enqueue(to.device, Arc::new(stanza));
            }
        }
    }

    /// Waits until the present state is safe.
    pub(crate) async fn settled(&self) {
        self.ledger.passed(self.ledger.gate()).await;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory {
    fn free_number(&self) -> String {
        let mut numbers = (FIRST_NUMBER..).map(|number| number.to_string());
        numbers.find(|number| !self.numbers.contains_key(number)).unwrap_or_default()
    }

    fn insert(&mut self, account: Arc<Account>) {
        let name = account.lock().name.clone();
        if !name.is_empty() {
            self.names.entry(name).or_insert_with(|| Arc::clone(&account));
        }
        self.created = self.created.max(account.created + 1);
        self.lids.insert(account.lid.clone(), Arc::clone(&account));
        self.numbers.insert(account.number.clone(), account);
    }
}

/// An id for a stanza of the server's or a phone's own.
pub(crate) fn stanza_id() -> String {
    format!("{:032X}", rand::random::<u128>())
}

/// The time as stanzas carry it.
pub(crate) fn timestamp() -> String {
    clock::seconds().to_string()
}
