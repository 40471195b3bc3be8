//! Which devices an account has, as others are told.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};

use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::session::login::conflict;
use crate::stanza::presence;
use crate::state::account::Account;

/// The devices of an account, as look-ups and notifications list them: `<device>`s and the signed
/// list of their keys.
pub(crate) fn device_list(account: &Account) -> (Vec<Node>, Node) {
    let state = account.lock();
    let phone = NodeBuilder::new("device").attr("id", "0").build();
    let companions = state.devices.values().map(|device| {
        NodeBuilder::new("device")
            .attr("id", device.id.to_string())
            .attr("key-index", device.key_index.to_string())
            .build()
    });
    let devices = std::iter::once(phone).chain(companions).collect();
    let (timestamp, signed) = state.key_index_list();
    (devices, key_index_list(timestamp, Some(signed)))
}

/// Names a set of devices.
pub(crate) fn device_hash(account: &Account) -> String {
    let state = account.lock();
    let jids: Vec<_> = std::iter::once(0)
        .chain(state.devices.keys().copied())
        .map(|device| account.jid(Server::Pn, device))
        .collect();
    drop(state);
    wacore::messages::MessageUtils::participant_list_hash(&jids).unwrap_or_default()
}

/// Tells everybody concerned that a device has been linked. Under a change.
pub(crate) fn announce_added(hub: &Hub, account: &Account, device: u16) {
    let state = account.lock();
    let Some(added) = state.devices.get(&device) else { return };
    let index = added.key_index.to_string();
    let (timestamp, signed) = state.key_index_list();
    drop(state);
    let added = device_node(account, device).attr("key-index", index).build();
    let list = key_index_list(timestamp, Some(signed));
    announce(hub, account, device, NodeBuilder::new("add").children([added, list]).build());
}

/// Unlinks a device, ends its connection and tells everybody concerned. Says whether there was one.
/// Under a change.
pub(crate) fn unlink(hub: &Hub, account: &Account, device: u16) -> bool {
    let mut state = account.lock();
    let was_available = presence::is_available(&state);
    let Some(gone) = state.unlink(device) else { return false };
    let (timestamp, _) = state.key_index_list();
    drop(state);
    if let Some(delivery) = gone.delivery {
        delivery.line.hang_up(Some(conflict("device_removed")));
    }
    let removed = device_node(account, device).build();
    let list = key_index_list(timestamp, None);
    announce(hub, account, device, NodeBuilder::new("remove").children([removed, list]).build());
    presence::changed(hub, account, was_available);
    account.stir();
    true
}

fn device_node(account: &Account, device: u16) -> NodeBuilder {
    NodeBuilder::new("device")
        .attr("jid", account.jid(account.shown_server(Server::Pn), device))
        .attr("lid", account.jid(Server::Lid, device))
}

fn key_index_list(timestamp: u64, signed: Option<Vec<u8>>) -> Node {
    let builder = NodeBuilder::new("key-index-list").attr("ts", timestamp.to_string());
    match signed {
        Some(signed) => builder.bytes(signed).build(),
        None => builder.build(),
    }
}

/// Tells the account's other devices and those of its acquaintances. Phones ask when they send.
fn announce(hub: &Hub, account: &Account, device: u16, what: Node) {
    let state = account.lock();
    let own: Vec<u16> = state.devices.keys().copied().filter(|other| *other != device).collect();
    let acquaintances = state.acquaintances.clone();
    drop(state);
    let mut targets: Vec<_> = own.into_iter().map(|device| account.device(device)).collect();
    for number in acquaintances {
        if let Some(other) = hub.account(&number) {
            targets.extend(other.lock().devices.keys().map(|device| other.device(*device)));
        }
    }
    let notification = NodeBuilder::new("notification")
        .attr("from", account.jid(account.shown_server(Server::Pn), 0))
        .attr("lid", account.jid(Server::Lid, 0))
        .attr("type", "devices")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .children([what])
        .build();
    let parcels =
        targets.into_iter().map(|to| Parcel { to, stanza: notification.clone() }).collect();
    hub.deliver(parcels);
}
