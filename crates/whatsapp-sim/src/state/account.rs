//! An account: a phone number, its phone and the devices linked to it.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wacore_binary::{Jid, Node, Server};

use super::collection::Collection;
use super::device::{Delivery, Device};
use super::ledger::Ledger;
use super::queue::Receiving;
use crate::clock;
use crate::error::{Error, Result};
use crate::handset::Handset;
use crate::phone::history::History;
use crate::phone::inbox::Inbox;
use crate::phone::link::{KeyIndexes, sign_key_indexes};
use crate::phone::signal::{DeviceAddress, PeerBundle, PhoneSignal, Prekey};
use crate::session::line::Line;

pub(crate) use record::restore;

/// An account. What is outside its lock never changes, but for whether it hides its number.
pub(crate) struct Account {
    /// The phone number, digits only.
    pub(crate) number: String,
    /// The user part of the account's LID.
    pub(crate) lid: String,
    /// Whether its chats are addressed by LID.
    pub(crate) lid_addressed: bool,
    /// Its place among the simulator's accounts in the order of their creation.
    pub(crate) created: u64,
    /// Asked for while stanzas are written, some of them under the lock.
    hides_number: AtomicBool,
    state: Mutex<State>,
    activity: watch::Sender<()>,
}

/// The part of an account that changes.
pub(crate) struct State {
    number: String,
    ledger: Arc<Ledger>,
    /// The name the owner goes by.
    pub(crate) name: String,
    /// What the owner looks like.
    pub(crate) picture: Option<Picture>,
    /// The phone, device 0.
    pub(crate) handset: Handset,
    /// The linked devices, without the phone.
    pub(crate) devices: BTreeMap<u16, Device>,
    /// The app state all of them share.
    pub(crate) collections: BTreeMap<String, Collection>,
    /// The accounts it has exchanged messages with: they are told about new and gone devices.
    pub(crate) acquaintances: BTreeSet<String>,
    /// The devices that want to know whether the owner is there, and how they address the account.
    pub(crate) watchers: BTreeMap<DeviceAddress, Server>,
    /// Names the set of devices in the ADV signatures.
    pub(crate) raw_id: u32,
    devices_ever: u16,
    devices_changed: u64,
    changed: Changed,
}

/// A profile picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Picture {
    /// Another one for each picture: the time it was set.
    pub(crate) id: u64,
    /// Where it is.
    pub(crate) url: String,
}

/// What the journal does not know yet.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each part that is written whole")]
struct Changed {
    any: bool,
    account: bool,
    handset: bool,
    history: bool,
    devices: BTreeSet<u16>,
    queued: BTreeSet<(u16, u64)>,
    prekeys: BTreeSet<(u16, u32)>,
    collections: BTreeSet<String>,
    messages: BTreeSet<usize>,
}

impl Account {
    pub(crate) fn new(
        number: String,
        lid: String,
        lid_addressed: bool,
        created: u64,
        name: String,
        handset: Handset,
        ledger: Arc<Ledger>,
    ) -> Self {
        let state = State {
            number: number.clone(),
            ledger,
            name,
            picture: None,
            handset,
            devices: BTreeMap::new(),
            collections: BTreeMap::new(),
            acquaintances: BTreeSet::new(),
            watchers: BTreeMap::new(),
            raw_id: rand::random(),
            devices_ever: 0,
            devices_changed: clock::seconds(),
            changed: Changed::default(),
        };
        let activity = watch::Sender::default();
        Self {
            number,
            lid,
            lid_addressed,
            created,
            hides_number: AtomicBool::new(false),
            state: Mutex::new(state),
            activity,
        }
    }

    /// The state. Held for short stretches without an await, and never two at once.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of one of its devices, by number or by LID.
    pub(crate) fn jid(&self, server: Server, device: u16) -> Jid {
        match server {
            Server::Lid => Jid::lid_device(self.lid.as_str(), device),
            _ => Jid::pn_device(self.number.as_str(), device),
        }
    }

    /// The kind of address its own client and phone use for it.
    pub(crate) fn preferred_server(&self) -> Server {
        if self.lid_addressed || self.hides_number() { Server::Lid } else { Server::Pn }
    }

    /// The kind of address used in its chat with another account.
    pub(crate) fn server_with(&self, other: &Self) -> Server {
        if other.hides_number() { Server::Lid } else { self.preferred_server() }
    }

    /// Whether others are told its LID alone.
    pub(crate) fn hides_number(&self) -> bool {
        self.hides_number.load(Ordering::Relaxed)
    }

    /// Keeps its number from others, or lets them have it. Under a change, without the lock.
    pub(crate) fn hide_number(&self, hides: bool) {
        self.hides_number.store(hides, Ordering::Relaxed);
        self.lock().account_has_changed();
    }

    /// How a stanza addresses one of its devices to others, where `server` is usual: never by a number
    /// that is hidden.
    pub(crate) fn shown_server(&self, server: Server) -> Server {
        if self.hides_number() { Server::Lid } else { server }
    }

    /// Tells whoever watches that something may have changed. Without the lock.
    pub(crate) fn stir(&self) {
        self.activity.send_replace(());
    }

    /// What to wait on for a change.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.activity.subscribe()
    }

    /// The name of one of its devices inside the simulator.
    pub(crate) fn device(&self, device: u16) -> DeviceAddress {
        DeviceAddress::new(self.number.as_str(), device)
    }
}

impl State {
    /// Appends to a device's queue. `false` when there is no such device.
    pub(crate) fn enqueue(&mut self, device: u16, stanza: Arc<Node>) -> bool {
        let Some(target) = self.devices.get_mut(&device) else { return false };
        let place = target.queue.push(stanza);
        if let Some(delivery) = &target.delivery {
            delivery.line.wake();
        }
        if let Some(changed) = self.note() {
            changed.queued.insert((device, place));
        }
        true
    }

    /// Takes from a device's queue what it says it has, and says whether there was anything.
    pub(crate) fn acknowledge(&mut self, device: u16, receiving: &Receiving<'_>) -> bool {
        let Some(target) = self.devices.get_mut(&device) else { return false };
        let places = target.queue.acknowledge(receiving, target.sent());
        let any = !places.is_empty();
        if any && let Some(changed) = self.note() {
            changed.queued.extend(places.into_iter().map(|place| (device, place)));
        }
        any
    }

    /// Delivers a message again that a device has, or had, in its queue. `false` when it knows none
    /// of this id.
    pub(crate) fn redeliver(&mut self, device: u16, message: &str) -> bool {
        let known = self.devices.get(&device).and_then(|device| device.queue.find_message(message));
        match known.cloned() {
            Some(stanza) => self.enqueue(device, stanza),
            None => false,
        }
    }

    /// Whether [`redeliver`](Self::redeliver) would find the message.
    pub(crate) fn can_redeliver(&self, device: u16, message: &str) -> bool {
        let device = self.devices.get(&device);
        device.is_some_and(|device| device.queue.find_message(message).is_some())
    }

    /// Gives a device a connection; the one it had before is returned.
    pub(crate) fn attach(&mut self, device: u16, line: Arc<Line>) -> Option<Arc<Line>> {
        let target = self.devices.get_mut(&device)?;
        target.delivery.replace(Delivery::new(line)).map(|old| old.line)
    }

    /// Takes the connection `line` from a device, unless it has another one by now.
    pub(crate) fn detach(&mut self, device: u16, line: u64) -> bool {
        let Some(target) = self.devices.get_mut(&device) else { return false };
        let attached = target.delivery.as_ref().is_some_and(|delivery| delivery.line.id == line);
        if attached {
            target.delivery = None;
        }
        attached
    }

    /// The connection of a device that is online.
    pub(crate) fn line(&self, device: u16) -> Option<&Arc<Line>> {
        self.devices.get(&device)?.delivery.as_ref().map(|delivery| &delivery.line)
    }

    /// The connections of all devices that are online.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u16, &Arc<Line>)> {
        self.devices
            .values()
            .filter_map(|device| Some((device.id, &device.delivery.as_ref()?.line)))
    }

    /// Reserves the number, and index, of a device to be linked.
    pub(crate) fn reserve_device(&mut self) -> Result<u16> {
        let used_up = || Error::Conflict("the account's device numbers are used up".to_owned());
        self.devices_ever = self.devices_ever.checked_add(1).ok_or_else(used_up)?;
        self.account_has_changed();
        Ok(self.devices_ever)
    }

    /// Adds a linked device.
    pub(crate) fn link(&mut self, device: Device) {
        if let Some(changed) = self.note() {
            changed.devices.insert(device.id);
        }
        self.devices.insert(device.id, device);
        self.devices_have_changed();
    }

    /// Removes a device with everything that waits for it.
    pub(crate) fn unlink(&mut self, device: u16) -> Option<Device> {
        let gone = self.devices.remove(&device)?;
        self.handset.signal.forget(&DeviceAddress::new(self.number.as_str(), device));
        if let Some(changed) = self.note() {
            changed.devices.insert(device);
            changed.queued.extend(gone.queue.iter().map(|(place, _)| (device, place)));
            changed.prekeys.extend(gone.prekeys.iter().map(|prekey| (device, prekey.id)));
        }
        self.devices_have_changed();
        Some(gone)
    }

    /// Sets the owner's picture, or takes it away.
    pub(crate) fn set_picture(&mut self, url: Option<String>) {
        let last = self.picture.take().map_or(0, |picture| picture.id);
        self.picture = url.map(|url| Picture { id: clock::seconds().max(last + 1), url });
        self.account_has_changed();
    }

    /// Remembers that the account talks with another. Says whether that is new.
    pub(crate) fn meet(&mut self, number: &str) {
        if number != self.number && !self.acquaintances.contains(number) {
            self.acquaintances.insert(number.to_owned());
            self.account_has_changed();
        }
    }

    /// The phone, for something that changes it.
    pub(crate) fn handset(&mut self) -> &mut Handset {
        if let Some(changed) = self.note() {
            changed.handset = true;
        }
        &mut self.handset
    }

    /// The sessions of the phone, for something that changes them and no other key.
    pub(crate) fn sessions(&mut self) -> &mut PhoneSignal {
        self.note();
        &mut self.handset.signal
    }

    /// The messages on the phone, for something that changes them; see
    /// [`note_message`](Self::note_message).
    pub(crate) fn inbox(&mut self) -> &mut Inbox {
        &mut self.handset.inbox
    }

    /// A device, for something that changes it.
    pub(crate) fn device(&mut self, device: u16) -> Option<&mut Device> {
        if self.devices.contains_key(&device)
            && let Some(changed) = self.note()
        {
            changed.devices.insert(device);
        }
        self.devices.get_mut(&device)
    }

    /// A collection, for something that changes it.
    pub(crate) fn collection(&mut self, name: &str) -> &mut Collection {
        if let Some(changed) = self.note() {
            changed.collections.insert(name.to_owned());
        }
        self.collections.entry(name.to_owned()).or_default()
    }

    /// Takes the keys to open a session with a device.
    pub(crate) fn take_bundle(&mut self, device: u16) -> Option<PeerBundle> {
        let bundle = self.devices.get_mut(&device)?.take_bundle();
        if let Some(prekey) = &bundle.prekey
            && let Some(changed) = self.note()
        {
            changed.prekeys.insert((device, prekey.id));
        }
        Some(bundle)
    }

    /// Adds one-time prekeys of a device. An id says which private key the client takes: the newer
    /// one of the same id counts.
    pub(crate) fn add_prekeys(&mut self, device: u16, prekeys: Vec<Prekey>) {
        let Some(target) = self.devices.get_mut(&device) else { return };
        let ids: BTreeSet<u32> = prekeys.iter().map(|prekey| prekey.id).collect();
        target.prekeys.retain(|old| !ids.contains(&old.id));
        target.prekeys.extend(prekeys);
        if let Some(changed) = self.note() {
            changed.prekeys.extend(ids.into_iter().map(|id| (device, id)));
        }
    }

    /// What the phone tells of the past, for something that adds to it.
    pub(crate) fn history(&mut self) -> &mut History {
        if let Some(changed) = self.note() {
            changed.history = true;
        }
        &mut self.handset.history
    }

    /// Notes that the messages of this id on the phone are new, or have got further.
    pub(crate) fn note_message(&mut self, id: &str) {
        let positions: Vec<usize> = self.handset.inbox.positions(id).collect();
        if let Some(changed) = self.note() {
            changed.messages.extend(positions);
        }
    }

    /// Notes that the whole account is to be written: it is new.
    pub(crate) fn is_new(&mut self) {
        let collections: Vec<String> = self.collections.keys().cloned().collect();
        if let Some(changed) = self.note() {
            changed.account = true;
            changed.handset = true;
            changed.collections.extend(collections);
        }
    }

    /// The signed list of the devices' key indexes, and when it last changed.
    pub(crate) fn key_index_list(&self) -> (u64, Vec<u8>) {
        let indexes = KeyIndexes {
            raw_id: self.raw_id,
            timestamp: self.devices_changed,
            current: u32::from(self.devices_ever),
            valid: std::iter::once(0)
                .chain(self.devices.values().map(|device| device.key_index))
                .collect(),
        };
        let signed = sign_key_indexes(&self.handset.signal.identity(), indexes);
        let signed = signed.unwrap_or_else(|error| {
            // Signing fails for a malformed key only, and this one has signed before.
            tracing::error!(%error, "the list of key indexes cannot be signed");
            Vec::new()
        });
        (self.devices_changed, signed)
    }

    fn devices_have_changed(&mut self) {
        self.devices_changed = clock::seconds().max(self.devices_changed + 1);
        self.account_has_changed();
    }

    fn account_has_changed(&mut self) {
        if let Some(changed) = self.note() {
            changed.account = true;
        }
    }

    /// Where to note a change for the journal. Nowhere without one: nobody would ever take it.
    fn note(&mut self) -> Option<&mut Changed> {
        if !self.ledger.is_durable() {
            return None;
        }
        if !self.changed.any {
            self.changed.any = true;
            self.ledger.mark(&self.number);
        }
        Some(&mut self.changed)
    }
}

#[cfg(test)]
mod tests;
