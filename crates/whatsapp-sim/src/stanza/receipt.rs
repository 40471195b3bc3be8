//! Receipts: taken for the acknowledgement they are, and passed on to the message's author.

use std::borrow::Cow;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::fields::Fields as _;
use crate::handset::pass_receipt_on;
use crate::hub::{Parcel, timestamp};
use crate::room::{is_room, with_participant};
use crate::session::Session;
use crate::state::queue::Receiving;

pub(super) fn receive(session: &Session, receipt: &Node) {
    let (Some(to), Some(id)) = (receipt.jid("to"), receipt.text("id")) else {
        return session.hub.stats.count_unknown("receipt without to or id".to_owned());
    };
    let kind = receipt.text("type");
    if says_received(kind.as_deref()) {
        // Where WhatsApp Web sends a receipt for a message it sends no ack (`WAWebHandleMsg`).
        let author = receipt.jid("participant");
        let participant = author.as_ref();
        let mut state = session.account.lock();
        for id in ids(receipt) {
            let receiving =
                Receiving { class: "message", id: &id, from: &to, participant, kind: None };
            state.acknowledge(session.device, &receiving);
        }
    }
    let mut ack =
        NodeBuilder::new("ack").attr("class", "receipt").attr("id", id.as_ref()).attr("from", &to);
    if let Some(kind) = &kind {
        ack = ack.attr("type", kind.as_ref());
    }
    session.line.send(ack.build());

    let room = is_room(&to);
    let sender = if room { receipt.jid("participant") } else { Some(to.clone()) };
    let Some(sender) = sender else { return };
    let Some(author) = session.hub.account_of(&sender) else { return };
    let passed = pass_on(session, receipt, &to, &sender);
    let parcels = match kind.as_deref() {
        // The device that calls, or that sent the message, needs to know, and nobody else.
        None if receipt.child("offer").is_some() => {
            vec![Parcel { to: author.device(sender.device), stanza: passed }]
        }
        Some("retry" | "enc_rekey_retry") => {
            vec![Parcel { to: author.device(sender.device), stanza: passed }]
        }
        None | Some("inactive" | "read" | "played") => {
            let own = author.number == session.account.number;
            let mut parcels = pass_receipt_on(&author, &passed, own.then_some(session.device));
            if let (Some(kind @ ("read" | "played")), false) = (kind.as_deref(), own) {
                let copy = copy_for_own_devices(&passed, &sender, kind);
                parcels.extend(pass_receipt_on(&session.account, &copy, Some(session.device)));
            }
            parcels
        }
        // Who keeps it to themselves tells the own devices only.
        Some(kind @ ("read-self" | "played-self")) => {
            let kind = kind.trim_end_matches("-self");
            let copy = copy_for_own_devices(&passed, &sender, kind);
            pass_receipt_on(&session.account, &copy, Some(session.device))
        }
        // Whose message has come to another device of the account: the companion that sent it.
        Some("sender") if author.number == session.account.number && sender.device != 0 => {
            vec![Parcel { to: author.device(sender.device), stanza: passed }]
        }
        Some("sender" | "peer_msg" | "hist_sync" | "server-error") => Vec::new(),
        Some(unknown) => {
            session.hub.stats.count_unknown(format!("receipt {unknown}"));
            Vec::new()
        }
    };
    session.hub.deliver(parcels);
}

/// Tells the reader's other devices what has been read (`read`) or played of an author: in the chat with
/// that account, or in the room the receipt is from.
pub(crate) fn copy_for_own_devices(receipt: &Node, author: &Jid, kind: &str) -> Node {
    let mut copy = receipt.clone();
    copy.attrs.insert("type", format!("{kind}-self"));
    copy.attrs.insert("recipient", author.to_non_ad());
    copy
}

/// The ids a receipt is about.
pub(crate) fn ids(receipt: &Node) -> Vec<String> {
    let items = receipt.child("list").map(|list| list.get_children_by_tag("item"));
    let more = items.into_iter().flatten().filter_map(|item| item.text("id"));
    receipt.text("id").into_iter().chain(more).map(Cow::into_owned).collect()
}

/// Whether the client has the message it speaks of. A retry has it not; the ack after one does away
/// with the stanza.
fn says_received(kind: Option<&str>) -> bool {
    matches!(kind, None | Some("inactive" | "sender" | "peer_msg" | "hist_sync"))
}

fn pass_on(session: &Session, receipt: &Node, to: &Jid, author: &Jid) -> Node {
    let builder = NodeBuilder::new("receipt").attr("t", timestamp());
    let mut builder = if is_room(to) {
        let builder = builder.attr("from", to);
        with_participant(builder, &session.account, author.server, session.device)
    } else {
        let server = session.account.shown_server(to.server);
        builder.attr("from", session.account.jid(server, session.device))
    };
    for name in ["id", "type", "recipient", "category"] {
        if let Some(value) = receipt.attrs.get(name) {
            builder = builder.attr(name, value.clone());
        }
    }
    let mut passed = builder.build();
    passed.content.clone_from(&receipt.content);
    passed
}
