//! What members are told about changes of their group: `w:gp2`.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::room::with_participant;
use crate::stanza::iq::groups::{
    approval_mode, describe, ephemeral, member_add_mode, naming, participant,
};
use crate::state::account::Account;
use crate::state::groups::{Effect, Group};

/// Tells the members that there is a group.
pub(super) fn created(hub: &Hub, owner: &Account, group: &Group) -> Vec<Parcel> {
    let create = NodeBuilder::new("create").attr("type", "new").children([describe(hub, group)]);
    let notification = notification(owner, group, create.build());
    companions(hub, &group.members, &notification)
}

/// Tells whom it concerns what `actor` has done; the group is as it is since then.
pub(super) fn of(hub: &Hub, actor: &Account, group: &Group, effect: &Effect) -> Vec<Parcel> {
    let tell =
        |to: &[String], action: Node| companions(hub, to, &notification(actor, group, action));
    let all = |action: Node| tell(&group.members, action);
    let about = |tag: &'static str, who: &[String]| {
        NodeBuilder::new(tag).children(people(hub, group, who)).build()
    };
    let toggled = |on: bool, set: &'static str, unset: &'static str| {
        all(NodeBuilder::new(if on { set } else { unset }).build())
    };
    let settings = &group.settings;
    match effect {
        // Who is new is told what the group is; the others know that.
        Effect::Added { who, reason } => {
            let (mut add, mut create) = (NodeBuilder::new("add"), NodeBuilder::new("create"));
            if let Some(reason) = reason {
                (add, create) = (add.attr("reason", *reason), create.attr("reason", *reason));
            }
            let others: Vec<String> =
                group.members.iter().filter(|member| !who.contains(member)).cloned().collect();
            let mut parcels = tell(who, create.children([describe(hub, group)]).build());
            parcels.extend(tell(&others, add.children(people(hub, group, who)).build()));
            parcels
        }
        Effect::Removed(who) => tell(&[&group.members[..], who].concat(), about("remove", who)),
        Effect::Promoted(who) => all(about("promote", who)),
        Effect::Demoted(who) => all(about("demote", who)),
        Effect::Requested { who, method } => {
            tell(&admins(group), requested(hub, group, who, method))
        }
        Effect::Withdrawn(who) => {
            tell(&[admins(group), who.clone()].concat(), about("revoked_membership_requests", who))
        }
        Effect::Subject => all(subject(hub, group)),
        Effect::Description { id } => all(description(group, id)),
        Effect::Announcement => toggled(settings.announcement, "announcement", "not_announcement"),
        Effect::Locked => toggled(settings.locked, "locked", "unlocked"),
        Effect::Ephemeral => {
            all(ephemeral(group).unwrap_or_else(|| NodeBuilder::new("not_ephemeral").build()))
        }
        Effect::Approval => all(approval_mode(group)),
        Effect::MemberAddMode => all(member_add_mode(group)),
        Effect::InviteReset => {
            let code = group.invite.as_deref().unwrap_or_default();
            all(NodeBuilder::new("invite").attr("code", code).build())
        }
        Effect::Deleted => all(NodeBuilder::new("delete").build()),
        Effect::Other(tag) => all(NodeBuilder::new_dynamic(tag.clone()).build()),
    }
}

fn description(group: &Group, id: &str) -> Node {
    let content = match &group.description {
        Some(it) => NodeBuilder::new("body").string_content(it.text.as_str()).build(),
        None => NodeBuilder::new("delete").build(),
    };
    NodeBuilder::new("description").attr("id", id).children([content]).build()
}

fn subject(hub: &Hub, group: &Group) -> Node {
    let mut subject = NodeBuilder::new("subject").attr("subject", group.subject.as_str());
    if let Some(renamed) = &group.renamed {
        subject = subject.attr("s_t", renamed.at.to_string());
        if let Some(account) = hub.account(&renamed.number) {
            subject = naming(subject, "s_o", "s_o_pn", &account, group);
        }
    }
    subject.build()
}

fn requested(hub: &Hub, group: &Group, who: &[String], method: &'static str) -> Node {
    let users = who.iter().filter_map(|number| {
        let account = hub.account(number)?;
        let user = NodeBuilder::new("requested_user");
        Some(naming(user, "jid", "phone_number", &account, group).build())
    });
    NodeBuilder::new("created_membership_requests")
        .attr("request_method", method)
        .children(users.collect::<Vec<_>>())
        .build()
}

fn people(hub: &Hub, group: &Group, who: &[String]) -> Vec<Node> {
    let accounts = who.iter().filter_map(|number| hub.account(number));
    accounts.map(|account| participant(&account, group).build()).collect()
}

fn admins(group: &Group) -> Vec<String> {
    group.members.iter().filter(|member| group.is_admin(member)).cloned().collect()
}

fn notification(actor: &Account, group: &Group, action: Node) -> Node {
    let builder = NodeBuilder::new("notification")
        .attr("from", group.jid())
        .attr("type", "w:gp2")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .attr("notify", actor.lock().name.as_str())
        .attr("addressing_mode", if group.by_lid { "lid" } else { "pn" });
    with_participant(builder, actor, group.server(), 0).children([action]).build()
}

/// A stanza for every companion of these accounts. Their phones know without being told.
fn companions(hub: &Hub, numbers: &[String], stanza: &Node) -> Vec<Parcel> {
    let accounts = numbers.iter().filter_map(|number| hub.account(number));
    let parcels = accounts.flat_map(|account| {
        let devices: Vec<u16> = account.lock().devices.keys().copied().collect();
        devices
            .into_iter()
            .map(move |device| Parcel { to: account.device(device), stanza: stanza.clone() })
    });
    parcels.collect()
}
