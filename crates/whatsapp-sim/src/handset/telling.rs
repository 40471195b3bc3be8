//! Receipts a phone gives when its owner wants them, and not by itself.

use serde::Deserialize;
use wacore_binary::Jid;
use wacore_binary::builder::NodeBuilder;

use super::receipts::{Delivered, delivery, from_reader, pass_on};
use super::receive::retry_receipt;
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel};
use crate::phone::inbox::{Receipt, ShownMessage};
use crate::room::is_room;
use crate::stanza::receipt::copy_for_own_devices;
use crate::state::account::Account;

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// Somebody else's message is on the phone.
    Delivered,
    /// It has been read, and so the own companions are told.
    Read,
    /// It has been listened to, and so the own companions are told.
    Played,
    /// It is on a device that is not in use.
    Inactive,
    /// It has been read, and nobody but the own companions is told.
    ReadSelf,
    /// It has been listened to, and nobody but the own companions is told.
    PlayedSelf,
    /// It cannot be decrypted, and is wanted again.
    Retry,
    /// What it carries cannot be fetched.
    ServerError,
    /// The owner's own message has come to the phone from a companion.
    Sender,
}

/// The receipts. Without an account's lock.
pub(crate) fn tell(
    hub: &Hub,
    account: &Account,
    messages: &[&str],
    telling: Telling,
) -> Result<Vec<Parcel>> {
    let [first, more @ ..] = messages else {
        return Err(Error::Invalid("a receipt names messages".to_owned()));
    };
    let shown = shown(account, first)?;
    for id in more {
        let other = self::shown(account, id)?;
        if (&other.chat, &other.from) != (&shown.chat, &shown.from) {
            return Err(Error::Conflict("a receipt is for one author in one chat".to_owned()));
        }
    }
    if shown.from_me != (telling == Telling::Sender) {
        let whose = if shown.from_me { "one's own" } else { "another's" };
        return Err(Error::Conflict(format!("no such receipt is given for {whose} message")));
    }
    let ids: Vec<String> = messages.iter().map(|&id| id.to_owned()).collect();
    let room: Option<Jid> = shown.chat.parse().ok().filter(is_room);
    let author = account_of(hub, &shown.from)?;
    let receipt = match telling {
        Telling::Read | Telling::ReadSelf => Some(Receipt::Read),
        Telling::Played | Telling::PlayedSelf => Some(Receipt::Played),
        _ => None,
    };
    if let Some(receipt) = receipt {
        let mut state = account.lock();
        for id in state.inbox().mark(&ids, receipt) {
            state.note_message(&id);
        }
        drop(state);
        account.stir();
    }
    let group = room.as_ref().and_then(|room| hub.groups.get(room));
    let server = group.map_or_else(|| account.server_with(&author), |group| group.server());
    let mut delivered = Delivered { ids, kind: None, server, room };
    let others = |delivered: &Delivered| pass_on(&author, &delivery(account, delivered), None);
    let companions = |delivered: &Delivered, kind: &str| {
        let written = author.jid(author.shown_server(server), 0);
        let copy = copy_for_own_devices(&delivery(account, delivered), &written, kind);
        pass_on(account, &copy, Some(0))
    };
    Ok(match telling {
        Telling::Delivered => others(&delivered),
        Telling::Inactive => {
            delivered.kind = Some("inactive");
            others(&delivered)
        }
        Telling::ServerError => {
            delivered.kind = Some("server-error");
            others(&delivered)
        }
        Telling::Read | Telling::Played => {
            let kind = if telling == Telling::Read { "read" } else { "played" };
            delivered.kind = Some(kind);
            let mut parcels = others(&delivered);
            parcels.extend(companions(&delivered, kind));
            parcels
        }
        Telling::ReadSelf => companions(&delivered, "read"),
        Telling::PlayedSelf => companions(&delivered, "played"),
        Telling::Sender => {
            delivered.kind = Some("sender");
            let mut receipt = delivery(account, &delivered);
            if delivered.room.is_none() {
                let chat = account_of(hub, &shown.chat)?;
                receipt.attrs.insert("recipient", chat.jid(account.server_with(&chat), 0));
            }
            pass_on(account, &receipt, Some(0))
        }
        Telling::Retry => retry(account, &author, &delivered),
    })
}

fn shown(account: &Account, id: &str) -> Result<ShownMessage> {
    let state = account.lock();
    state.handset.inbox.message(id).cloned().ok_or(Error::NotFound("message"))
}

fn account_of(hub: &Hub, jid: &str) -> Result<std::sync::Arc<Account>> {
    let account = jid.parse().ok().and_then(|jid| hub.account_of(&jid));
    account.ok_or(Error::NotFound("author"))
}

/// Asks the author's companions for the messages; the phone itself, if there are none. Whoever sent
/// one of them has it, the others have nothing to say.
fn retry(account: &Account, author: &Account, delivered: &Delivered) -> Vec<Parcel> {
    let companions: Vec<u16> = author.lock().devices.keys().copied().collect();
    let devices = if companions.is_empty() { vec![0] } else { companions };
    let mut parcels = Vec::new();
    for id in &delivered.ids {
        for device in &devices {
            let builder = from_reader(account, delivered);
            // What is asked for says how often it has been; here it never has.
            let asked_for = NodeBuilder::new("message").build();
            let receipt = retry_receipt(account, builder, &asked_for, id);
            let to = author.device(*device);
            parcels.extend(receipt.map(|stanza| Parcel { to, stanza }));
        }
    }
    parcels
}
