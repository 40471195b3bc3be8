//! Receipts, as a phone sends and understands them.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::receive::{kind_of, sender_of};
use super::{known_as, room, send};
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel, timestamp};
use crate::phone::inbox::Receipt;
use crate::room::{is_room, with_participant};
use crate::stanza::fields::Fields as _;
use crate::stanza::receipt::{copy_for_own_devices, ids};
use crate::state::account::Account;

/// Messages that have got somewhere.
pub(crate) struct Delivered {
    pub(crate) ids: Vec<String>,
    /// The `type`; `None` for delivered.
    pub(crate) kind: Option<&'static str>,
    /// How the reader is addressed.
    pub(crate) server: Server,
    /// The group they are in, or the status.
    pub(crate) room: Option<Jid>,
}

/// Tells an author's devices, the phone included, how far its messages have got; what has been read
/// is told to the reader's own as well.
pub(super) fn tell(reader: &Account, author: &Account, delivered: &Delivered) -> Vec<Parcel> {
    let receipt = delivery(reader, delivered);
    let mut parcels = pass_on(author, &receipt, None);
    if let Some(kind) = delivered.kind {
        let written = author.jid(author.shown_server(delivered.server), 0);
        let copy = copy_for_own_devices(&receipt, &written, kind);
        parcels.extend(pass_on(reader, &copy, Some(0)));
    }
    parcels
}

/// A receipt of a phone's that says no more than who gives it.
pub(super) fn from_reader(reader: &Account, delivered: &Delivered) -> NodeBuilder {
    let builder = NodeBuilder::new("receipt");
    match &delivered.room {
        Some(room) => with_participant(builder.attr("from", room), reader, delivered.server, 0),
        None => builder.attr("from", reader.jid(reader.shown_server(delivered.server), 0)),
    }
}

/// The receipt of a phone for messages, of which there is at least one.
pub(super) fn delivery(reader: &Account, delivered: &Delivered) -> Node {
    let first = delivered.ids.first().map(String::as_str).unwrap_or_default();
    let builder = from_reader(reader, delivered);
    let mut builder = builder.attr("id", first).attr("t", timestamp());
    if let Some(kind) = delivered.kind {
        builder = builder.attr("type", kind);
    }
    if let [_, more @ ..] = delivered.ids.as_slice()
        && !more.is_empty()
    {
        let item = |id: &String| NodeBuilder::new("item").attr("id", id.as_str()).build();
        let list = NodeBuilder::new("list").children(more.iter().map(item)).build();
        builder = builder.children([list]);
    }
    builder.build()
}

/// A receipt for every device of an account, but the one it came from.
pub(crate) fn pass_on(to: &Account, receipt: &Node, but: Option<u16>) -> Vec<Parcel> {
    let devices: Vec<u16> = std::iter::once(0).chain(to.lock().devices.keys().copied()).collect();
    devices
        .into_iter()
        .filter(|device| Some(*device) != but)
        .map(|device| Parcel { to: to.device(device), stanza: receipt.clone() })
        .collect()
}

/// The owner has read a message, or listened to it.
pub(crate) fn mark(hub: &Hub, account: &Account, id: &str, played: bool) -> Result<Vec<Parcel>> {
    let (kind, receipt) =
        if played { ("played", Receipt::Played) } else { ("read", Receipt::Read) };
    let mut state = account.lock();
    let message = state.handset.inbox.message(id).ok_or(Error::NotFound("message"))?;
    if message.from_me {
        return Err(Error::Conflict("one's own messages need no reading".to_owned()));
    }
    let from = message.from.clone();
    let room: Option<Jid> = message.chat.parse().ok().filter(is_room);
    state.inbox().mark(&[id.to_owned()], receipt);
    state.note_message(id);
    drop(state);
    account.stir();
    let author = from.parse().ok().and_then(|from| hub.account_of(&from));
    let author = author.ok_or(Error::NotFound("author"))?;
    let group = room.as_ref().and_then(|room| hub.groups.get(room));
    let server = group.map(|group| group.server());
    let delivered = Delivered {
        ids: vec![id.to_owned()],
        kind: Some(kind),
        server: server.unwrap_or_else(|| account.server_with(&author)),
        room,
    };
    Ok(tell(account, &author, &delivered))
}

/// Takes note of a receipt; sends again what somebody could not decrypt.
pub(super) fn receive(hub: &Hub, account: &Account, receipt: &Node) -> Option<Vec<Parcel>> {
    let from = receipt.jid("from")?;
    let room = is_room(&from);
    let reader = if room { receipt.jid("participant")? } else { from.clone() };
    let reader = hub.account_of(&reader)?;
    let got = match receipt.text("type").as_deref() {
        None | Some("inactive") => Receipt::Delivered,
        Some("read" | "read-self") => Receipt::Read,
        Some("played" | "played-self") => Receipt::Played,
        Some("retry") if room => return room::again(hub, account, &from, receipt),
        Some("retry") => {
            let requester = sender_of(hub, &from)?;
            return send::again(hub, account, &requester, kind_of(&from), receipt);
        }
        _ => return None,
    };
    let ids = ids(receipt);
    let mut state = account.lock();
    let inbox = state.inbox();
    let further = if reader.number == account.number {
        inbox.mark(&ids, got)
    } else {
        let chat = if room { from.to_string() } else { known_as(&reader) };
        inbox.receipt(&chat, &ids, got)
    };
    for id in &further {
        state.note_message(id);
    }
    None
}
