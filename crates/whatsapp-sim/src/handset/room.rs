//! What a phone sends to groups and to the status, and what it is sent there.

use std::collections::HashMap;

use wacore::send::stanza_type_from_message;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::known_as;
use super::receipts::{self, Delivered};
use super::receive::{retry_receipt, sealed, sender_of};
use super::send::{brought, with_bundles};
use crate::clock;
use crate::envelope::{describe, edit_of, enc, enc_of};
use crate::hub::{Hub, Parcel, stanza_id};
use crate::phone::inbox::{Origin, Received};
use crate::phone::signal::{DeviceAddress, Enc, EncKind, SignalError};
use crate::prekeys::take_bundle;
use crate::room::{Room, RoomMessage, with_participant};
use crate::stanza::fields::Fields as _;
use crate::state::account::{Account, State};

/// Sends a message to every device in a room; gives its id. Without an account's lock.
pub(crate) fn send_to_room(
    hub: &Hub,
    account: &Account,
    room: &Room,
    message: &wa::Message,
) -> Result<(String, Vec<Parcel>), SignalError> {
    let (id, chat, own) = (stanza_id(), room.jid.to_string(), account.device(0));
    let mut devices = room.devices();
    devices.retain(|device| *device != own);
    let without_key = account.lock().sessions().without_key(&chat, &own, &devices);
    let without_key = with_bundles(hub, account, without_key);

    let mut state = account.lock();
    let signal = state.sessions();
    let keys = wa::Message {
        sender_key_distribution_message: MessageField::some(signal.distribution(&chat, &own)?),
        ..Default::default()
    };
    let mut keys_for: HashMap<&DeviceAddress, Node> = HashMap::new();
    for (device, bundle) in &without_key {
        match signal.encrypt(device, bundle.as_ref(), &keys) {
            Ok(sealed) => {
                signal.has_key(&chat, &own, device);
                keys_for.insert(device, enc(sealed, None));
            }
            // One device with broken keys must not keep the others from the message.
            Err(error) => tracing::warn!(?device, %error, "a phone cannot encrypt for a device"),
        }
    }
    let sealed = skmsg(message, signal.encrypt_for_chat(&chat, &own, message)?);
    let name = state.name.clone();
    let edit = edit_of(message);
    let envelope = RoomMessage {
        room: &room.jid,
        server: room.server,
        author: account,
        device: 0,
        name: &name,
        id: &id,
        kind: stanza_type_from_message(message),
        edit: edit.as_deref(),
    };
    let parcels = devices.into_iter().map(|device| {
        let content = keys_for.remove(&device).into_iter().chain([sealed.clone()]).collect();
        envelope.to(device, content)
    });
    let parcels = parcels.collect();
    let origin = Origin {
        id: &id,
        chat: &chat,
        from: &known_as(account),
        from_me: true,
        timestamp: clock::seconds(),
    };
    state.inbox().sent(origin, message);
    state.note_message(&id);
    drop(state);
    account.stir();
    hub.stats.count_message();
    Ok((id, parcels))
}

/// Takes a message of somebody's in a room.
pub(super) fn receive(hub: &Hub, account: &Account, stanza: &Node) -> Option<Vec<Parcel>> {
    let room = stanza.jid("from")?;
    let participant = stanza.jid("participant")?;
    let author = hub.account_of(&participant)?;
    let sender = author.device(participant.device);
    let id = stanza.text("id")?.into_owned();
    let (chat, author_name) = (room.to_string(), known_as(&author));
    let from_me = author.number == account.number;
    let origin = Origin {
        id: &id,
        chat: &chat,
        from: &author_name,
        from_me,
        timestamp: stanza.text("t").and_then(|t| t.parse().ok()).unwrap_or_default(),
    };
    let mut state = account.lock();
    for sealed in stanza.get_children_by_tag("enc") {
        let taken = open(&mut state, &chat, &sender, sealed).map(|message| {
            if state.inbox().receive(origin, &message) == Received::Shown {
                state.note_message(&id);
            }
        });
        match taken {
            Ok(()) | Err(SignalError::Duplicate) => {}
            Err(error) => {
                tracing::info!(number = %account.number, %id, %error, "a phone asks for a message again");
                drop(state);
                let builder = NodeBuilder::new("receipt").attr("from", &room);
                let builder = with_participant(builder, account, participant.server, 0);
                let retry = retry_receipt(account, builder, stanza, &id)?;
                return Some(vec![Parcel { to: sender, stanza: retry }]);
            }
        }
    }
    drop(state);
    if from_me {
        return None;
    }
    let delivered =
        Delivered { ids: vec![id], kind: None, server: participant.server, room: Some(room) };
    Some(receipts::tell(account, &author, &delivered))
}

/// Sends a message again, to the one device that could not decrypt it, and the key with it.
pub(super) fn again(
    hub: &Hub,
    account: &Account,
    room: &Jid,
    receipt: &Node,
) -> Option<Vec<Parcel>> {
    let requester = receipt.jid("participant")?;
    let (server, requester) = (requester.server, sender_of(hub, &requester)?);
    let id = receipt.text("id")?.into_owned();
    let chat = room.to_string();
    // Only members may ask for what was said in a group.
    if let Some(group) = hub.groups.get(room)
        && !group.members.contains(&requester.number)
    {
        return None;
    }
    let bundle = brought(receipt).or_else(|| take_bundle(hub, &requester))?;
    let count = receipt.child("retry")?.text("count").and_then(|count| count.parse().ok());

    let mut state = account.lock();
    state.handset.inbox.message(&id).filter(|message| message.chat == chat)?;
    let mut message = state.handset.inbox.original(&id)?;
    let own = account.device(0);
    let signal = state.sessions();
    let key = signal.distribution(&chat, &own).ok()?;
    message.sender_key_distribution_message = MessageField::some(key);
    let sealed = signal.encrypt(&requester, Some(&bundle), &message).ok()?;
    signal.has_key(&chat, &own, &requester);
    let name = state.name.clone();
    drop(state);
    let edit = edit_of(&message);
    let envelope = RoomMessage {
        room,
        server,
        author: account,
        device: 0,
        name: &name,
        id: &id,
        kind: stanza_type_from_message(&message),
        edit: edit.as_deref(),
    };
    Some(vec![envelope.to(requester, vec![enc_of(&message, sealed, count)])])
}

/// Opens one `<enc>`, and keeps the sender key if one is in it.
fn open(
    state: &mut State,
    chat: &str,
    sender: &DeviceAddress,
    node: &Node,
) -> Result<wa::Message, SignalError> {
    let Some(Enc { kind, bytes }) = sealed(node) else {
        return state.sessions().decrypt_in_chat(chat, sender, node.content().unwrap_or_default());
    };
    // The first message of a session uses up a prekey; what follows changes the session alone.
    let signal = match kind {
        EncKind::Prekey => &mut state.handset().signal,
        EncKind::Message => state.sessions(),
    };
    let message = signal.decrypt(sender, &Enc { kind, bytes })?;
    signal.take_key(chat, sender, &message.sender_key_distribution_message)?;
    Ok(message)
}

fn skmsg(message: &wa::Message, sealed: Vec<u8>) -> Node {
    let builder = NodeBuilder::new("enc").attr("v", "2").attr("type", "skmsg");
    let mut node = builder.bytes(sealed).build();
    describe(&mut node, message);
    node
}
