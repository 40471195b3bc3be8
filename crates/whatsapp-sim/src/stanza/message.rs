//! A message of a client's, taken apart into what each device gets.

mod newsletter;
mod room;

use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node, Server};

use super::fields::Fields as _;
use crate::envelope::Envelope;
use crate::faults::{Action, Point};
use crate::hub::{Parcel, timestamp};
use crate::room::is_room;
use crate::session::Session;
use crate::state::account::Account;

/// The error of a message to an account there is not.
const NO_SUCH_RECIPIENT: u16 = 404;
/// The error of a message that cannot be read.
const MALFORMED: u16 = 400;

pub(super) fn receive(session: &Session, message: &Node) {
    let (Some(to), Some(id)) = (message.jid("to"), message.text("id")) else {
        return session.hub.stats.count_unknown("message without to or id".to_owned());
    };
    let acknowledge = |error: Option<u16>, devices: Option<String>| {
        let mut ack = NodeBuilder::new("ack")
            .attr("class", "message")
            .attr("id", id.as_ref())
            .attr("from", &to)
            .attr("t", timestamp());
        if let Some(error) = error {
            ack = ack.attr("error", error.to_string());
        }
        if let Some(hash) = devices {
            ack = ack.attr("phash", hash);
        }
        ack.build()
    };
    let fault = if is_new(message, &to) {
        session.hub.faults.decide(&session.account.number, Point::Message)
    } else {
        None
    };
    if let Some(Action::Refuse(code)) = fault {
        return session.line.send(acknowledge(Some(code), None));
    }
    let taken = if to.is_newsletter() {
        newsletter::pass_on(session, &to, message).map(|()| None)
    } else if is_room(&to) {
        room::pass_on(session, &to, message)
    } else {
        pass_on(session, &to, message)
    };
    let ack = match taken {
        Ok(devices) => acknowledge(None, devices),
        Err(refusal) => return session.line.send(acknowledge(Some(refusal), None)),
    };
    match fault {
        Some(Action::HoldAck) => {}
        Some(Action::DelayAck(pause)) => {
            let line = std::sync::Arc::clone(&session.line);
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                line.send(ack);
            });
        }
        _ => session.line.send(ack),
    }
}

/// Delivers a message to a person. Gives the hash of the devices it should have been for, when it
/// was for others.
fn pass_on(session: &Session, to: &Jid, message: &Node) -> Result<Option<String>, u16> {
    let recipient = session.hub.account_of(to).ok_or(NO_SUCH_RECIPIENT)?;
    let sealed = sealed(message, to);
    if sealed.is_empty() {
        return Err(MALFORMED);
    }
    session.hub.stats.count_message();
    let devices = drifted(session, &recipient, to, message);
    deliver(session, &recipient, to, message, sealed);
    Ok(devices)
}

/// Whether the owner would call it a message: not what devices tell each other (`peer`), and not one
/// sent again to a device that could not decrypt it. Faults wait for those.
fn is_new(message: &Node, to: &Jid) -> bool {
    let again = || message.get_children_by_tag("enc").any(|enc| enc.text("count").is_some());
    let for_one = to.device != 0 || message.attrs.get("participant").is_some();
    message.text("category").as_deref() != Some("peer") && !for_one && !again()
}

/// What is encrypted for whom: for several devices, or in answer to a retry receipt for one.
fn sealed(message: &Node, to: &Jid) -> Vec<(Jid, Vec<Node>)> {
    let direct: Vec<Node> = message.get_children_by_tag("enc").cloned().collect();
    if !direct.is_empty() {
        return vec![(to.clone(), direct)];
    }
    let participants = message.child("participants").map(|all| all.get_children_by_tag("to"));
    participants
        .into_iter()
        .flatten()
        .filter_map(|to| Some((to.jid("jid")?, to.all().to_vec())))
        .collect()
}

fn deliver(
    session: &Session,
    recipient: &Account,
    to: &Jid,
    message: &Node,
    sealed: Vec<(Jid, Vec<Node>)>,
) {
    let hub = &session.hub;
    let author = &session.account;
    author.lock().meet(&recipient.number);
    let name = announced_name(session);
    if recipient.number != author.number {
        recipient.lock().meet(&author.number);
    }

    // A retry to an own device names the chat it is about.
    let chat = message.jid("recipient").and_then(|chat| hub.account_of(&chat));
    let (category, edit) = (message.text("category"), message.text("edit"));
    let envelope = Envelope {
        author,
        device: session.device,
        name: &name,
        recipient: chat.as_deref().unwrap_or(recipient),
        server: if to.server == Server::Lid { Server::Lid } else { Server::Pn },
        id: &message.text("id").unwrap_or_default(),
        kind: &message.text("type").unwrap_or_default(),
        category: category.as_deref(),
        edit: edit.as_deref(),
    };
    let common = common(message);
    let parcels: Vec<Parcel> = sealed
        .into_iter()
        .filter_map(|(jid, mut content)| {
            let account = hub.account_of(&jid)?;
            let concerned = account.number == recipient.number || account.number == author.number;
            let back = account.number == author.number && jid.device == session.device;
            content.extend(common.iter().cloned());
            (concerned && !back).then(|| envelope.to(&account, jid.device, content))
        })
        .collect();
    hub.deliver(parcels);
}

/// The name by which the others know who writes.
fn announced_name(session: &Session) -> String {
    let state = session.account.lock();
    let device_name = state.devices.get(&session.device).map(|device| device.push_name.clone());
    device_name.filter(|name| !name.is_empty()).unwrap_or_else(|| state.name.clone())
}

/// What every device gets besides what is encrypted for it.
fn common(message: &Node) -> Vec<Node> {
    let children = message.all().iter();
    children
        .filter(|child| !matches!(child.tag.as_ref(), "participants" | "enc"))
        .cloned()
        .collect()
}

/// The hash of the devices the message should have been for, when it was for others: the client's
/// list is out of date then.
fn drifted(session: &Session, recipient: &Account, to: &Jid, message: &Node) -> Option<String> {
    let participants = message.child("participants")?;
    let mut given: Vec<(String, u16)> = participants
        .get_children_by_tag("to")
        .filter_map(|to| {
            let jid = to.jid("jid")?;
            Some((session.hub.account_of(&jid)?.number.clone(), jid.device))
        })
        .collect();
    let mut wanted = Vec::new();
    for account in [recipient, &*session.account] {
        let state = account.lock();
        wanted.extend(
            std::iter::once(0)
                .chain(state.devices.keys().copied())
                .map(|device| (account.number.clone(), device)),
        );
    }
    wanted
        .retain(|(number, device)| *number != session.account.number || *device != session.device);
    given.sort();
    given.dedup();
    wanted.sort();
    wanted.dedup();
    if given == wanted {
        return None;
    }
    let jids: Vec<Jid> = wanted
        .iter()
        .filter_map(|(number, device)| Some(session.hub.account(number)?.jid(to.server, *device)))
        .collect();
    MessageUtils::participant_list_hash(&jids).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(category: Option<&str>, count: Option<&str>) -> Node {
        let enc = match count {
            Some(count) => NodeBuilder::new("enc").attr("count", count).build(),
            None => NodeBuilder::new("enc").build(),
        };
        let message = NodeBuilder::new("message").children([enc]);
        match category {
            Some(category) => message.attr("category", category).build(),
            None => message.build(),
        }
    }

    #[test]
    fn what_the_owner_did_not_write_is_no_new_message() {
        let (phone, companion) = (Jid::pn("5511999990001"), Jid::pn_device("5511999990001", 2));
        assert!(is_new(&message(None, None), &phone));
        assert!(!is_new(&message(Some("peer"), None), &phone));
        assert!(!is_new(&message(None, Some("1")), &phone));
        assert!(!is_new(&message(None, None), &companion));
    }
}
