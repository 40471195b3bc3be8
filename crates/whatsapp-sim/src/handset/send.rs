//! What a phone sends of its own accord.

use wacore::send::stanza_type_from_message;
use wacore_binary::{Node, Server};
use waproto::whatsapp as wa;

use super::known_as;
use crate::clock;
use crate::envelope::{Envelope, edit_of, enc, enc_of};
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel, stanza_id};
use crate::phone::inbox::{Origin, copy_for_own_devices};
use crate::phone::signal::{DeviceAddress, PeerBundle, Prekey, SignedPrekey};
use crate::prekeys::take_bundle;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

/// Sends a message to every device of the recipient and the owner's other ones; gives its id.
/// Without an account's lock.
pub(crate) fn send(
    hub: &Hub,
    account: &Account,
    recipient: &Account,
    message: &wa::Message,
) -> (String, Vec<Parcel>) {
    let chat = known_as(recipient);
    let server = account.server_with(recipient);
    let copy = copy_for_own_devices(message, &recipient.jid(server, 0).to_string());
    let id = stanza_id();

    let own = account.device(0);
    let mut devices = devices_of(recipient);
    devices.extend(devices_of(account));
    devices.sort();
    devices.dedup();
    devices.retain(|device| *device != own);
    let devices = with_bundles(hub, account, devices);

    let mut state = account.lock();
    let name = state.name.clone();
    let edit = edit_of(message);
    let envelope = Envelope {
        author: account,
        device: 0,
        name: &name,
        recipient,
        server,
        id: &id,
        kind: stanza_type_from_message(message),
        category: None,
        edit: edit.as_deref(),
    };
    let mut parcels = Vec::new();
    for (device, bundle) in &devices {
        let own = device.number == account.number;
        let content = if own { &copy } else { message };
        let sealed = match state.sessions().encrypt(device, bundle.as_ref(), content) {
            Ok(sealed) => sealed,
            Err(error) => {
                // One device with broken keys must not keep the others from the message.
                tracing::warn!(?device, %error, "a phone cannot encrypt for a device");
                continue;
            }
        };
        let to = if own { account } else { recipient };
        parcels.push(envelope.to(to, device.device, vec![enc_of(message, sealed, None)]));
    }
    let origin = Origin {
        id: &id,
        chat: &chat,
        from: &known_as(account),
        from_me: true,
        timestamp: clock::seconds(),
    };
    state.inbox().sent(origin, message);
    state.note_message(&id);
    state.meet(&recipient.number);
    drop(state);
    account.stir();
    if recipient.number != account.number {
        recipient.lock().meet(&account.number);
    }
    hub.stats.count_message();
    (id, parcels)
}

/// Gives a companion the app-state keys. Without an account's lock.
pub(crate) fn share_keys(hub: &Hub, account: &Account, device: u16) -> Vec<Parcel> {
    let address = account.device(device);
    let bundle = take_bundle(hub, &address);
    let now = clock::signed_milliseconds();
    let mut state = account.lock();
    let share = state.handset.app_state.key_share(state.raw_id, now);
    let sealed = match state.sessions().encrypt(&address, bundle.as_ref(), &share) {
        Ok(sealed) => sealed,
        Err(error) => {
            tracing::warn!(number = %account.number, device, %error, "cannot share the app-state keys");
            return Vec::new();
        }
    };
    if let Some(device) = state.device(device) {
        device.has_app_state_keys = true;
    }
    drop(state);
    vec![peer(account, device, &stanza_id(), enc(sealed, None))]
}

/// Tells a companion something that only devices are interested in. Without an account's lock.
pub(super) fn to_companion(
    hub: &Hub,
    account: &Account,
    device: u16,
    id: &str,
    message: &wa::Message,
) -> Result<Parcel> {
    let address = account.device(device);
    let devices = with_bundles(hub, account, vec![address.clone()]);
    let (_, bundle) = devices.into_iter().next().ok_or(Error::NotFound("device"))?;
    let sealed = account.lock().sessions().encrypt(&address, bundle.as_ref(), message)?;
    Ok(peer(account, device, id, enc(sealed, None)))
}

fn peer(account: &Account, device: u16, id: &str, content: Node) -> Parcel {
    let name = account.lock().name.clone();
    let envelope = Envelope {
        author: account,
        device: 0,
        name: &name,
        recipient: account,
        server: Server::Pn,
        id,
        kind: "text",
        category: Some("peer"),
        edit: None,
    };
    envelope.to(account, device, vec![content])
}

/// Sends a message again, to the one device that could not decrypt it, in a fresh session.
pub(super) fn again(
    hub: &Hub,
    account: &Account,
    requester: &DeviceAddress,
    server: Server,
    receipt: &Node,
) -> Option<Vec<Parcel>> {
    let id = receipt.text("id")?.into_owned();
    let own = requester.number == account.number;
    let state = account.lock();
    let original = state.handset.inbox.original(&id);
    let chat = state.handset.inbox.message(&id).map(|message| message.chat.clone());
    let name = state.name.clone();
    drop(state);
    let (Some(original), Some(chat)) = (original, chat) else {
        return own.then(|| peer_again(hub, account, requester, receipt, &id)).flatten();
    };
    let recipient = hub.account_of(&chat.parse().ok()?)?;
    // Only those the message was for may ask for it.
    if !own && requester.number != recipient.number {
        return None;
    }
    let kind = stanza_type_from_message(&original);
    let edit = edit_of(&original);
    let content = if own { copy_for_own_devices(&original, &chat) } else { original };
    let bundle = brought(receipt).or_else(|| take_bundle(hub, requester))?;
    let sealed = account.lock().sessions().encrypt(requester, Some(&bundle), &content).ok()?;
    let count = receipt.child("retry")?.text("count").and_then(|count| count.parse().ok());
    let envelope = Envelope {
        author: account,
        device: 0,
        name: &name,
        recipient: &recipient,
        server,
        id: &id,
        kind,
        category: None,
        edit: edit.as_deref(),
    };
    let to = if own { account } else { &*recipient };
    Some(vec![envelope.to(to, requester.device, vec![enc_of(&content, sealed, count)])])
}

/// The same for what a phone tells its companions besides messages: of the past, otherwise keys.
fn peer_again(
    hub: &Hub,
    account: &Account,
    requester: &DeviceAddress,
    receipt: &Node,
    id: &str,
) -> Option<Vec<Parcel>> {
    let told = account.lock().handset.history.offered(id);
    let Some(told) = told else { return Some(share_keys(hub, account, requester.device)) };
    let bundle = brought(receipt).or_else(|| take_bundle(hub, requester))?;
    let sealed = account.lock().sessions().encrypt(requester, Some(&bundle), &told).ok()?;
    let count = receipt.child("retry")?.text("count").and_then(|count| count.parse().ok());
    Some(vec![peer(account, requester.device, id, enc(sealed, count))])
}

/// The phone and every linked device of an account.
pub(crate) fn devices_of(account: &Account) -> Vec<DeviceAddress> {
    let state = account.lock();
    std::iter::once(0).chain(state.devices.keys().copied()).map(|id| account.device(id)).collect()
}

/// The devices, and keys for those the phone has no session with. One that has none left out.
pub(super) fn with_bundles(
    hub: &Hub,
    account: &Account,
    devices: Vec<DeviceAddress>,
) -> Vec<(DeviceAddress, Option<PeerBundle>)> {
    devices
        .into_iter()
        .filter_map(|device| {
            if account.lock().handset.signal.has_session(&device) {
                return Some((device, None));
            }
            let bundle = take_bundle(hub, &device)?;
            Some((device, Some(bundle)))
        })
        .collect()
}

/// The keys a retry receipt brings.
pub(super) fn brought(receipt: &Node) -> Option<PeerBundle> {
    let keys = receipt.child("keys")?;
    let signed = keys.child("skey")?;
    let prekey = keys.child("key").and_then(|prekey| {
        Some(Prekey { id: prekey.number_of("id")?, key: prekey.array_of("value")? })
    });
    Some(PeerBundle {
        registration_id: receipt.number_of("registration")?,
        identity: keys.array_of("identity")?,
        signed_prekey: SignedPrekey {
            id: signed.number_of("id")?,
            key: signed.array_of("value")?,
            signature: signed.content_of("signature")?.to_vec(),
        },
        prekey,
    })
}
