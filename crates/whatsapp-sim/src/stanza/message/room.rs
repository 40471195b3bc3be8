//! A message to a group or the status: one text for all, and the key to it for those who lack it.

use std::collections::HashMap;

use wacore::messages::MessageUtils;
use wacore_binary::{Jid, JidExt as _, Node};

use super::{MALFORMED, NO_SUCH_RECIPIENT, announced_name, common};
use crate::hub::Parcel;
use crate::phone::signal::DeviceAddress;
use crate::room::{Room, RoomMessage};
use crate::session::Session;
use crate::stanza::fields::Fields as _;

/// The error of a message to a group in which the author may not write.
const NOT_ALLOWED: u16 = 403;

/// Delivers a message to everybody in a room. Gives the hash of the devices it should have been for,
/// when it was for others.
pub(super) fn pass_on(session: &Session, to: &Jid, message: &Node) -> Result<Option<String>, u16> {
    let hub = &session.hub;
    let room = if to.is_group() {
        let group = hub.groups.get(to).ok_or(NO_SUCH_RECIPIENT)?;
        if !group.may_write(&session.account.number) {
            return Err(NOT_ALLOWED);
        }
        Room::group(hub, &group)
    } else {
        status(session, message)
    };
    let author = room.member(&session.account.number).ok_or(NOT_ALLOWED)?;
    let for_all: Vec<Node> = message.get_children_by_tag("enc").cloned().collect();
    if for_all.is_empty() {
        return Err(MALFORMED);
    }
    let own = author.device(session.device);
    let mut devices = room.devices();
    let hash = drifted(session, &room, &devices, message);
    devices.retain(|device| *device != own);
    if let Some(one) = message.jid("participant") {
        let account = hub.account_of(&one).ok_or(NO_SUCH_RECIPIENT)?;
        devices.retain(|device| *device == account.device(one.device));
    }
    hub.stats.count_message();

    let mut keys = keys(session, message);
    let common = common(message);
    let edit = message.text("edit");
    let envelope = RoomMessage {
        room: &room.jid,
        server: room.server,
        author,
        device: session.device,
        name: &announced_name(session),
        id: &message.text("id").unwrap_or_default(),
        kind: &message.text("type").unwrap_or_default(),
        edit: edit.as_deref(),
    };
    let parcels: Vec<Parcel> = devices
        .into_iter()
        .map(|device| {
            let key = keys.remove(&device).unwrap_or_default();
            let content = key.into_iter().chain(for_all.clone()).chain(common.clone());
            envelope.to(device, content.collect())
        })
        .collect();
    hub.deliver(parcels);
    Ok(hash)
}

/// Those a status is shown to: the client names them with the message, and is named as they are.
fn status(session: &Session, message: &Node) -> Room {
    let named: Vec<Jid> = named(message).map(|(jid, _)| jid).collect();
    let viewers = named.iter().filter_map(|jid| session.hub.account_of(jid)).collect();
    let room = Room::status(&session.account, viewers);
    match named.first() {
        Some(viewer) => Room { server: viewer.server, ..room },
        None => room,
    }
}

/// What is encrypted for one device each.
fn keys(session: &Session, message: &Node) -> HashMap<DeviceAddress, Vec<Node>> {
    named(message)
        .filter_map(|(jid, node)| {
            let account = session.hub.account_of(&jid)?;
            Some((account.device(jid.device), node.all().to_vec()))
        })
        .collect()
}

fn named(message: &Node) -> impl Iterator<Item = (Jid, &Node)> {
    let participants = message.child("participants").map(|all| all.get_children_by_tag("to"));
    participants.into_iter().flatten().filter_map(|to| Some((to.jid("jid")?, to)))
}

/// The hash of all devices in the room, when the client has hashed others.
fn drifted(
    session: &Session,
    room: &Room,
    devices: &[DeviceAddress],
    message: &Node,
) -> Option<String> {
    let given = message.text("phash")?;
    let jids: Vec<Jid> = devices
        .iter()
        .filter_map(|device| {
            let account = session.hub.account(&device.number)?;
            Some(account.jid(account.shown_server(room.server), device.device))
        })
        .collect();
    let wanted = MessageUtils::participant_list_hash(&jids).ok()?;
    (wanted != *given).then_some(wanted)
}
