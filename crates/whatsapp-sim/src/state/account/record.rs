//! How accounts are written down.
//!
//! `account/N` and below it `phone`, `history`, `session/N/D`, `chain/NAME`, `message/PLACE`,
//! `device/D`, `prekey/D/ID`, `queue/D/PLACE` and `collection/NAME`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wacore_binary::Node;
use wacore_binary::marshal::{marshal, unmarshal_ref};
use wacore_binary::util::unpack;

use super::{Account, Changed, Picture, State};
use crate::base64_bytes;
use crate::error::{Error, Result};
use crate::handset::Handset;
use crate::phone::inbox::{Entry, Inbox};
use crate::phone::signal::{DeviceAddress, StoredChain, StoredSession};
use crate::state::device::Device;
use crate::state::journal::{Batch, Records, parse};
use crate::state::ledger::Ledger;

#[derive(Serialize, Deserialize)]
struct AccountRecord {
    lid: String,
    lid_addressed: bool,
    #[serde(default)]
    hides_number: bool,
    #[serde(default)]
    created: u64,
    name: String,
    #[serde(default)]
    picture: Option<Picture>,
    acquaintances: BTreeSet<String>,
    raw_id: u32,
    devices_ever: u16,
    devices_changed: u64,
}

/// A stanza as it is sent.
#[derive(Serialize, Deserialize)]
struct StanzaRecord(#[serde(with = "base64_bytes")] Vec<u8>);

impl Account {
    /// Writes down what has changed since the last time.
    pub(crate) fn collect(&self, batch: &mut Batch) {
        let mut state = self.lock();
        let changed = std::mem::take(&mut state.changed);
        let sessions = state.handset.signal.take_unstored();
        let chains = state.handset.signal.take_unstored_chains();
        self.write(&state, &changed, &sessions, batch);
        self.write_chains(&state, &chains, batch);
    }

    /// Writes down everything; what has changed since the last time remains to be collected.
    pub(crate) fn collect_all(&self, batch: &mut Batch) {
        let state = self.lock();
        let everything = Changed {
            any: true,
            account: true,
            handset: true,
            history: true,
            devices: state.devices.keys().copied().collect(),
            queued: state
                .devices
                .values()
                .flat_map(|device| device.queue.iter().map(|(place, _)| (device.id, place)))
                .collect(),
            prekeys: state
                .devices
                .values()
                .flat_map(|device| device.prekeys.iter().map(|prekey| (device.id, prekey.id)))
                .collect(),
            collections: state.collections.keys().cloned().collect(),
            messages: (0..state.handset.inbox.messages().len()).collect(),
        };
        self.write(&state, &everything, &state.handset.signal.peers(), batch);
        self.write_chains(&state, &state.handset.signal.chains(), batch);
    }

    fn write_chains(&self, state: &State, chains: &BTreeSet<String>, batch: &mut Batch) {
        for name in chains {
            let key = format!("account/{}/chain/{name}", self.number);
            match state.handset.signal.chain(name) {
                Some(chain) => batch.put(&key, &chain),
                None => batch.remove(&key),
            }
        }
    }

    fn write(
        &self,
        state: &State,
        changed: &Changed,
        sessions: &BTreeSet<DeviceAddress>,
        batch: &mut Batch,
    ) {
        let key = format!("account/{}", self.number);
        if changed.account {
            batch.put(&key, &self.record(state));
        }
        if changed.handset {
            batch.put(&format!("{key}/phone"), &state.handset);
        }
        if changed.history {
            batch.put(&format!("{key}/history"), &state.handset.history);
        }
        for peer in sessions {
            let key = format!("{key}/session/{}/{}", peer.number, peer.device);
            match state.handset.signal.session(peer) {
                Some(session) => batch.put(&key, &session),
                None => batch.remove(&key),
            }
        }
        for id in &changed.devices {
            let key = format!("{key}/device/{id}");
            match state.devices.get(id) {
                Some(device) => batch.put(&key, device),
                None => batch.remove(&key),
            }
        }
        for (id, place) in &changed.queued {
            let key = format!("{key}/queue/{id}/{place}");
            let stanza = state.devices.get(id).and_then(|device| device.queue.at(*place));
            match stanza.map(|stanza| marshal(stanza)) {
                Some(Ok(bytes)) => batch.put(&key, &StanzaRecord(bytes)),
                Some(Err(error)) => tracing::error!(%key, %error, "a stanza cannot be written"),
                None => batch.remove(&key),
            }
        }
        for (id, prekey) in &changed.prekeys {
            let device = state.devices.get(id);
            let known =
                device.and_then(|device| device.prekeys.iter().find(|known| known.id == *prekey));
            // Keys sort as text; the prekeys are given out in this order.
            let key = format!("{key}/prekey/{id}/{prekey:010}");
            match known {
                Some(known) => batch.put(&key, known),
                None => batch.remove(&key),
            }
        }
        for name in &changed.collections {
            if let Some(collection) = state.collections.get(name) {
                batch.put(&format!("{key}/collection/{name}"), collection);
            }
        }
        for place in &changed.messages {
            if let Some(entry) = state.handset.inbox.entry_at(*place) {
                // Keys sort as text; the messages are read back in this order.
                batch.put(&format!("{key}/message/{place:012}"), entry);
            }
        }
    }

    fn record(&self, state: &State) -> AccountRecord {
        AccountRecord {
            lid: self.lid.clone(),
            lid_addressed: self.lid_addressed,
            hides_number: self.hides_number(),
            created: self.created,
            name: state.name.clone(),
            picture: state.picture.clone(),
            acquaintances: state.acquaintances.clone(),
            raw_id: state.raw_id,
            devices_ever: state.devices_ever,
            devices_changed: state.devices_changed,
        }
    }
}

/// The accounts of a journal.
pub(crate) fn restore(records: &Records, ledger: &Arc<Ledger>) -> Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for (key, json) in records.range("account/".to_owned()..) {
        let Some(path) = key.strip_prefix("account/") else { break };
        if !path.contains('/') {
            accounts.push(account(path, json, records, ledger)?);
        }
    }
    Ok(accounts)
}

fn account(number: &str, json: &str, records: &Records, ledger: &Arc<Ledger>) -> Result<Account> {
    let record: AccountRecord = parse(number, json)?;
    let below = format!("account/{number}/");
    let phone = format!("{below}phone");
    let handset = records.get(&phone).ok_or_else(|| Error::Damaged(format!("no {phone}")))?;
    let handset: Handset = parse(&phone, handset)?;
    let account = Account {
        number: number.to_owned(),
        lid: record.lid,
        lid_addressed: record.lid_addressed,
        created: record.created,
        hides_number: AtomicBool::new(record.hides_number),
        state: Mutex::new(State {
            number: number.to_owned(),
            ledger: Arc::clone(ledger),
            name: record.name,
            picture: record.picture,
            handset,
            devices: BTreeMap::new(),
            collections: BTreeMap::new(),
            acquaintances: record.acquaintances,
            watchers: BTreeMap::new(),
            raw_id: record.raw_id,
            devices_ever: record.devices_ever,
            devices_changed: record.devices_changed,
            changed: Changed::default(),
        }),
        activity: watch::Sender::default(),
    };
    let mut messages = Vec::new();
    let mut state = account.lock();
    // `device` sorts before `prekey` and `queue`: theirs is there when they are read.
    for (key, json) in records.range(below.clone()..) {
        let Some(path) = key.strip_prefix(&below) else { break };
        let damaged = || Error::Damaged(key.clone());
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["device", _] => {
                let device: Device = parse(key, json)?;
                state.devices.insert(device.id, device);
            }
            ["queue", device, place] => {
                let id: u16 = device.parse().map_err(|_| damaged())?;
                let place = place.parse().map_err(|_| damaged())?;
                let StanzaRecord(bytes) = parse(key, json)?;
                let stanza = stanza(&bytes).ok_or_else(damaged)?;
                let device = state.devices.get_mut(&id).ok_or_else(damaged)?;
                device.queue.restore(place, Arc::new(stanza));
            }
            ["prekey", device, _] => {
                let id: u16 = device.parse().map_err(|_| damaged())?;
                let device = state.devices.get_mut(&id).ok_or_else(damaged)?;
                device.prekeys.push_back(parse(key, json)?);
            }
            ["session", _, _] => {
                let session: StoredSession = parse(key, json)?;
                state.handset.signal.restore(&session)?;
            }
            ["chain", _] => {
                let chain: StoredChain = parse(key, json)?;
                state.handset.signal.restore_chain(chain)?;
            }
            ["history"] => state.handset.history = parse(key, json)?,
            ["message", _] => messages.push(parse::<Entry>(key, json)?),
            ["collection", name] => {
                state.collections.insert((*name).to_owned(), parse(key, json)?);
            }
            _ => {}
        }
    }
    state.handset.inbox = Inbox::restore(messages);
    drop(state);
    Ok(account)
}

fn stanza(bytes: &[u8]) -> Option<Node> {
    let bytes = unpack(bytes).ok()?;
    unmarshal_ref(&bytes).ok().map(|stanza| stanza.to_owned())
}
