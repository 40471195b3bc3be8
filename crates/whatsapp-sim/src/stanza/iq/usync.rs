//! Looking people up: who is there, by which LID, with which devices.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::Answer;
use crate::hub::Hub;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;
use crate::topology;

/// What can be asked of users.
const PROTOCOLS: [&str; 8] =
    ["contact", "lid", "devices", "status", "disappearing_mode", "picture", "business", "username"];

/// Answers for each user what the query asks of all.
pub(super) fn answer(hub: &Hub, usync: &Node) -> Answer {
    let (Some(query), Some(list)) = (usync.child("query"), usync.child("list")) else {
        return Answer::BAD_REQUEST;
    };
    let asked: Vec<&str> = query.all().iter().map(|protocol| protocol.tag.as_ref()).collect();
    let users =
        list.get_children_by_tag("user").filter_map(|asked_for| user(hub, &asked, asked_for));
    let users = users.collect::<Vec<_>>();
    let states = asked.iter().map(|protocol| state(hub, protocol));
    let answer = NodeBuilder::new("usync")
        .attr("sid", usync.text("sid").unwrap_or_default().as_ref())
        .attr("mode", usync.text("mode").as_deref().unwrap_or("query"))
        .attr("index", "0")
        .attr("last", "true")
        .children([
            NodeBuilder::new("result").children(states).build(),
            NodeBuilder::new("list").children(users).build(),
        ])
        .build();
    Answer::Result(vec![answer])
}

/// What is said of a protocol as a whole: nothing, or that the server does not know it.
fn state(hub: &Hub, protocol: &str) -> Node {
    let builder = NodeBuilder::new_dynamic(protocol.to_owned());
    if PROTOCOLS.contains(&protocol) {
        return builder.build();
    }
    hub.stats.count_unknown(format!("usync {protocol}"));
    let error =
        NodeBuilder::new("error").attr("code", "501").attr("text", "feature-not-implemented");
    builder.children([error.build()]).build()
}

fn user(hub: &Hub, asked: &[&str], user: &Node) -> Option<Node> {
    let jid =
        user.jid("jid").or_else(|| user.jid("pn_jid")).or_else(|| by_phone(user))?.to_non_ad();
    let account = hub.account_of(&jid);
    if account.is_none() && !asked.contains(&"contact") {
        // To be listed is to exist where nobody asks whether one does.
        return None;
    }
    let content = asked.iter().filter_map(|protocol| match (*protocol, account.as_deref()) {
        ("contact", account) => {
            let kind = if account.is_some() { "in" } else { "out" };
            Some(NodeBuilder::new("contact").attr("type", kind).build())
        }
        ("lid", Some(account)) => {
            Some(NodeBuilder::new("lid").attr("val", account.jid(Server::Lid, 0)).build())
        }
        ("devices", Some(account)) => Some(devices(account)),
        ("status", Some(_)) => {
            Some(NodeBuilder::new("status").attr("t", "0").bytes(Vec::new()).build())
        }
        ("disappearing_mode", Some(_)) => {
            Some(NodeBuilder::new("disappearing_mode").attr("duration", "0").attr("t", "0").build())
        }
        // Nobody has a picture, a business or a user name here.
        _ => None,
    });
    let content = content.collect::<Vec<_>>();
    let mut builder = NodeBuilder::new("user").attr("jid", &jid);
    if let Some(account) = &account
        && jid.server == Server::Lid
        && !account.hides_number()
    {
        builder = builder.attr("pn_jid", account.jid(Server::Pn, 0));
    }
    Some(builder.children(content).build())
}

/// A user given as a phone number, with or without a plus.
fn by_phone(user: &Node) -> Option<Jid> {
    let number = std::str::from_utf8(user.content_of("contact")?).ok()?;
    let number: String = number.chars().filter(char::is_ascii_digit).collect();
    Some(Jid::pn(number))
}

fn devices(account: &Account) -> Node {
    let hash = topology::device_hash(account);
    let (devices, keys) = topology::device_list(account);
    let list = NodeBuilder::new("device-list").attr("hash", hash).children(devices).build();
    NodeBuilder::new("devices").children([list, keys]).build()
}
