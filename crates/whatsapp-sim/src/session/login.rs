//! Who may come in.

use std::sync::{Arc, Mutex};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};
use waproto::whatsapp::ClientPayload;

use super::Session;
use super::line::Line;
use crate::faults::{Action, Point};
use crate::hub::{Hub, timestamp};
use crate::simulator::{refusal, strike_line};
use crate::stanza::presence;
use crate::state::account::State;

/// The code of a client that is not, or no more, linked.
const UNLINKED: u16 = 401;

/// Lets a linked device in, or puts the refusal on the line.
pub(super) fn admit(
    hub: &Arc<Hub>,
    line: &Arc<Line>,
    payload: &ClientPayload,
    client_static: [u8; 32],
) -> Option<Session> {
    let _change = hub.ledger.change();
    let number = payload.username.unwrap_or_default().to_string();
    let device = payload.device.and_then(|device| u16::try_from(device).ok()).unwrap_or_default();
    let refuse = |refusal: Node| {
        line.hang_up(Some(refusal));
        None
    };
    let Some(account) = hub.account(&number) else { return refuse(failure(UNLINKED)) };
    // A device is who it says it is by the key it was linked with. Unlinked outweighs any fault.
    let is_linked = |state: &State| {
        state.devices.get(&device).is_some_and(|device| device.noise == client_static)
    };
    if !is_linked(&account.lock()) {
        return refuse(failure(UNLINKED));
    }
    if let Some(Action::Fail(failed)) = hub.faults.decide(&number, Point::Login) {
        return refuse(refusal(failed));
    }
    let mut state = account.lock();
    let was_available = presence::is_available(&state);
    let replaced = state.attach(device, Arc::clone(line));
    drop(state);
    presence::changed(hub, &account, was_available);
    if let Some(replaced) = replaced {
        if replaced.is_stalled() {
            // It would not send its last words.
            replaced.cut();
        } else {
            replaced.hang_up(Some(conflict("replaced")));
        }
    }
    line.send(
        NodeBuilder::new("success")
            .attr("t", timestamp())
            .attr("lid", account.jid(Server::Lid, device))
            .attr("location", "sim")
            .build(),
    );
    account.stir();
    let possible = |action: &Action| match action {
        Action::Redeliver(message) => account.lock().can_redeliver(device, message),
        _ => true,
    };
    if let Some(action) = hub.faults.decide_if(&number, Point::LoggedIn, possible) {
        strike_line(hub, &account, device, line, &action);
    }
    Some(Session {
        hub: Arc::clone(hub),
        account,
        device,
        line: Arc::clone(line),
        watched: Mutex::default(),
    })
}

/// The refusal of a login.
pub(crate) fn failure(reason: u16) -> Node {
    NodeBuilder::new("failure").attr("reason", reason.to_string()).attr("location", "sim").build()
}

/// The end of a connection for a reason of the server's.
pub(crate) fn stream_error(code: u16) -> Node {
    NodeBuilder::new("stream:error").attr("code", code.to_string()).build()
}

/// The end of a connection because of another: `replaced`, `device_removed`.
pub(crate) fn conflict(kind: &'static str) -> Node {
    let conflict = NodeBuilder::new("conflict").attr("type", kind).build();
    let error = NodeBuilder::new("stream:error");
    match kind {
        // WhatsApp gives a code with this one only (`WAWebStreamErrorHandler`).
        "device_removed" => error.attr("code", "401").children([conflict]).build(),
        _ => error.children([conflict]).build(),
    }
}
