//! What a phone does with what it is sent.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node, Server};

use super::receipts::{self, Delivered};
use super::{calls, known_as, newsletter, room, send};
use crate::envelope::{key_nodes, registration};
use crate::hub::{Hub, Parcel, timestamp};
use crate::phone::inbox::{Origin, Received};
use crate::phone::signal::{DeviceAddress, Enc, EncKind, SignalError};
use crate::room::is_room;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

/// How often a message is asked for again (`MAX_RETRY_COUNT` of whatsapp-rust).
const ATTEMPTS: u32 = 5;

/// Takes a stanza and says what the phone sends in answer. Without an account's lock.
pub(crate) fn receive(hub: &Hub, account: &Account, stanza: &Node) -> Vec<Parcel> {
    let parcels = match stanza.tag.as_ref() {
        "message" => message(hub, account, stanza),
        "receipt" => receipts::receive(hub, account, stanza),
        "call" => calls::receive(hub, account, stanza),
        "chatstate" => typing(hub, account, stanza),
        _ => None,
    };
    account.stir();
    parcels.unwrap_or_default()
}

fn message(hub: &Hub, account: &Account, stanza: &Node) -> Option<Vec<Parcel>> {
    let from = stanza.jid("from")?;
    if is_room(&from) {
        return room::receive(hub, account, stanza);
    }
    if from.is_newsletter() {
        newsletter::receive(account, &from, stanza);
        return None;
    }
    let author = hub.account_of(&from)?;
    let from_me = author.number == account.number;
    let chat = match stanza.jid("recipient") {
        Some(recipient) if from_me => hub.account_of(&recipient)?,
        _ => author.clone(),
    };
    let id = stanza.text("id")?.into_owned();
    let (chat_name, author_name) = (known_as(&chat), known_as(&author));
    let origin = Origin {
        id: &id,
        chat: &chat_name,
        from: &author_name,
        from_me,
        timestamp: stanza.text("t").and_then(|t| t.parse().ok()).unwrap_or_default(),
    };
    let sender = author.device(from.device);
    let enc = stanza.get_children_by_tag("enc").find_map(sealed)?;

    let mut state = account.lock();
    state.meet(&author.number);
    // The first message of a session uses up a prekey; what follows changes the session alone.
    let signal = match enc.kind {
        EncKind::Prekey => &mut state.handset().signal,
        EncKind::Message => state.sessions(),
    };
    let received = match signal.decrypt(&sender, &enc) {
        Ok(message) => {
            let received = state.inbox().receive(origin, &message);
            if received == Received::Shown {
                state.note_message(&id);
            }
            received
        }
        Err(SignalError::Duplicate) => Received::Duplicate,
        Err(error) => {
            tracing::info!(number = %account.number, %id, %error, "a phone asks for a message again");
            drop(state);
            let own = account.jid(account.shown_server(from.server), 0);
            let builder = NodeBuilder::new("receipt").attr("from", own);
            let retry = retry_receipt(account, builder, stanza, &id)?;
            return Some(vec![Parcel { to: sender, stanza: retry }]);
        }
    };
    drop(state);

    Some(match received {
        Received::KeyRequest(_) => send::share_keys(hub, account, from.device),
        _ if from_me => Vec::new(),
        Received::Shown | Received::Duplicate | Received::Silent => {
            let delivered =
                Delivered { ids: vec![id], kind: None, server: from.server, room: None };
            receipts::tell(account, &author, &delivered)
        }
    })
}

pub(super) fn sealed(node: &Node) -> Option<Enc> {
    let kind = EncKind::parse(&node.text("type")?)?;
    Some(Enc { kind, bytes: node.content()?.to_vec() })
}

/// Asks the sender's device for the message in a fresh session, to which it brings the keys. The
/// receipt says already whom it is from.
pub(super) fn retry_receipt(
    account: &Account,
    receipt: NodeBuilder,
    stanza: &Node,
    id: &str,
) -> Option<Node> {
    let count = stanza
        .get_children_by_tag("enc")
        .find_map(|enc| enc.text("count")?.parse::<u32>().ok())
        .unwrap_or(0)
        + 1;
    if count > ATTEMPTS {
        tracing::warn!(number = %account.number, %id, "a phone gives up a message");
        return None;
    }
    let mut state = account.lock();
    let bundle = state.handset().signal.bundle();
    drop(state);
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("count", count.to_string())
        .attr("id", id)
        .attr("t", stanza.text("t").unwrap_or_default().as_ref())
        .build();
    let keys = NodeBuilder::new("keys").children(key_nodes(&bundle)).build();
    let mut builder = receipt.attr("id", id).attr("type", "retry").attr("t", timestamp());
    if let Some(recipient) = stanza.jid("recipient") {
        builder = builder.attr("recipient", recipient);
    }
    Some(builder.children([retry, registration(&bundle), keys]).build())
}

/// Somebody is typing, recording, or has stopped.
fn typing(hub: &Hub, account: &Account, stanza: &Node) -> Option<Vec<Parcel>> {
    let author = hub.account_of(&stanza.jid("from")?)?;
    let doing = stanza.all().first()?;
    let doing = match (doing.tag.as_ref(), doing.text("media").as_deref()) {
        ("composing", Some("audio")) => "recording",
        ("composing", _) => "composing",
        _ => "paused",
    };
    account.lock().handset.typing.insert(author.number.clone(), doing.to_owned());
    None
}

/// The device a receipt's or message's sender is.
pub(super) fn sender_of(hub: &Hub, from: &Jid) -> Option<DeviceAddress> {
    Some(hub.account_of(from)?.device(from.device))
}

/// By LID or by number: any other server is taken for a number's.
pub(super) fn kind_of(jid: &Jid) -> Server {
    if jid.server == Server::Lid { Server::Lid } else { Server::Pn }
}
