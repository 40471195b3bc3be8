//! Who is there, and who wants to know.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};

use super::fields::Fields as _;
use crate::hub::{Hub, timestamp};
use crate::phone::signal::DeviceAddress;
use crate::session::Session;
use crate::session::line::Line;
use crate::state::account::{Account, State};
use crate::state::device::Presence;

pub(super) fn receive(session: &Session, presence: &Node) {
    if let Some(name) = presence.text("name") {
        set_name(session, &name);
    }
    match presence.text("type").as_deref() {
        Some("subscribe") => subscribe(session, presence, true),
        Some("unsubscribe") => subscribe(session, presence, false),
        Some("available") => set_available(session, true),
        Some("unavailable") => set_available(session, false),
        // Only a new name.
        None => {}
        Some(unknown) => session.hub.stats.count_unknown(format!("presence {unknown}")),
    }
}

fn set_name(session: &Session, name: &str) {
    let mut state = session.account.lock();
    let known = state.devices.get(&session.device);
    if known.is_some_and(|device| device.push_name != name)
        && let Some(device) = state.device(session.device)
    {
        name.clone_into(&mut device.push_name);
    }
}

/// The connection is over: the device is not there any more, and asks for nobody.
pub(crate) fn leave(session: &Session) {
    let _change = session.hub.ledger.change();
    let mut state = session.account.lock();
    let before = is_available(&state);
    let detached = state.detach(session.device, session.line.id);
    let unlinked = !state.devices.contains_key(&session.device);
    drop(state);
    if !detached && !unlinked {
        // The device has another connection, and its watches are that one's by now.
        return;
    }
    let watcher = session.account.device(session.device);
    let accounts = std::mem::take(&mut *lock(&session.watched));
    for account in accounts.iter().filter_map(|number| session.hub.account(number)) {
        account.lock().watchers.remove(&watcher);
    }
    changed(&session.hub, &session.account, before);
    session.account.stir();
}

fn set_available(session: &Session, available: bool) {
    let mut state = session.account.lock();
    let before = is_available(&state);
    if let Some(device) = state.devices.get_mut(&session.device) {
        device.presence = Some(if available { Presence::Available } else { Presence::Unavailable });
        if let Some(delivery) = device.delivery.as_mut() {
            delivery.available = available;
        }
    }
    drop(state);
    changed(&session.hub, &session.account, before);
    session.account.stir();
}

/// Tells whoever wants to know if it is otherwise now. Without an account's lock.
pub(crate) fn changed(hub: &Hub, account: &Account, before: bool) {
    let after = is_available(&account.lock());
    if before != after {
        tell_watchers(hub, account, after);
    }
}

fn subscribe(session: &Session, presence: &Node, wanted: bool) {
    let Some(to) = presence.jid("to") else { return };
    let Some(account) = session.hub.account_of(&to) else { return };
    let watcher = session.account.device(session.device);
    let mut state = account.lock();
    if wanted {
        state.watchers.insert(watcher.clone(), to.server);
    } else {
        state.watchers.remove(&watcher);
    }
    let available = is_available(&state);
    drop(state);
    if wanted {
        lock(&session.watched).insert(account.number.clone());
        session.line.send(stanza(&account, to.server, available));
    }
}

fn tell_watchers(hub: &Hub, account: &Account, available: bool) {
    let watchers: Vec<(DeviceAddress, Server)> =
        account.lock().watchers.iter().map(|(who, by)| (who.clone(), *by)).collect();
    for (watcher, server) in watchers {
        let line = hub
            .account(&watcher.number)
            .and_then(|account| account.lock().line(watcher.device).cloned());
        if let Some(line) = line {
            tell(&line, account, server, available);
        }
    }
}

fn tell(line: &Line, account: &Account, server: Server, available: bool) {
    line.send(stanza(account, server, available));
}

fn stanza(account: &Account, server: Server, available: bool) -> Node {
    let builder = NodeBuilder::new("presence").attr("from", account.jid(server, 0));
    if available {
        builder.build()
    } else {
        builder.attr("type", "unavailable").attr("last", timestamp()).build()
    }
}

/// Whether the owner looks at the phone or at one of its companions.
pub(crate) fn is_available(state: &State) -> bool {
    let mut deliveries = state.devices.values().filter_map(|device| device.delivery.as_ref());
    state.handset.is_available || deliveries.any(|delivery| delivery.available)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
