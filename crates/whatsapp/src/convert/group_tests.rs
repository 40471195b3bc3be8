use wacore_binary::builder::NodeBuilder;
use wharf_domain::address::Jid;

use super::*;

const GROUP: &str = "120363000000000001@g.us";
const ANA: &str = "5511999990001@s.whatsapp.net";
const OWN: &str = "5511999990009@s.whatsapp.net";

fn own() -> Profile {
    Profile {
        jid: Some(Jid::parse(OWN).unwrap()),
        lid: Some(Jid::parse("109@lid").unwrap()),
        ..Profile::default()
    }
}

fn participant(jid: &str) -> NodeBuilder {
    NodeBuilder::new("participant").attr("jid", jid)
}

fn notification(actions: Vec<Node>) -> GroupNotification {
    let node = NodeBuilder::new("notification")
        .attr("from", GROUP)
        .attr("type", "w:gp2")
        .attr("id", "N1")
        .attr("t", "1700000000")
        .attr("notify", "Ana")
        .attr("participant", "101@lid")
        .attr("participant_pn", ANA)
        .children(actions)
        .build();
    GroupNotification::try_from_node_ref(&node.as_node_ref()).unwrap()
}

fn told(action: Node) -> GroupChange {
    group(&notification(vec![action]), 0, None, &own(), &Aliases::default()).unwrap().1
}

fn users(change: &GroupChange) -> Vec<String> {
    change.participants.iter().map(|party| party.jid.to_string()).collect()
}

#[test]
fn every_change_has_its_word() {
    let tag = |tag: &'static str| NodeBuilder::new(tag);
    let body = NodeBuilder::new("body").string_content("Regras").build();
    let approval = NodeBuilder::new("group_join").attr("state", "on").build();
    let other = |name: &str| GroupAction::Other(name.to_owned());
    let table = [
        (tag("add").children([participant(ANA).build()]), GroupAction::Joined),
        (tag("remove").children([participant(ANA).build()]), GroupAction::Left),
        (tag("promote").children([participant(ANA).build()]), GroupAction::Promoted),
        (tag("demote").children([participant(ANA).build()]), GroupAction::Demoted),
        (tag("modify").children([participant(ANA).build()]), GroupAction::NumberChanged),
        (tag("subject").attr("subject", "Família"), GroupAction::Name("Família".to_owned())),
        (
            tag("description").attr("id", "1").children([body]),
            GroupAction::Topic(Some("Regras".to_owned())),
        ),
        (
            tag("description").attr("id", "1").children([NodeBuilder::new("delete").build()]),
            GroupAction::Topic(None),
        ),
        (tag("locked"), GroupAction::Locked(true)),
        (tag("unlocked"), GroupAction::Locked(false)),
        (tag("announcement"), GroupAction::Announce(true)),
        (tag("not_announcement"), GroupAction::Announce(false)),
        (tag("ephemeral").attr("expiration", "86400"), GroupAction::Ephemeral(86_400)),
        (tag("not_ephemeral"), GroupAction::Ephemeral(0)),
        (tag("membership_approval_mode").children([approval]), GroupAction::Approval(true)),
        (tag("membership_approval_request"), GroupAction::JoinRequested),
        (tag("created_membership_requests"), GroupAction::JoinRequested),
        (tag("revoked_membership_requests"), GroupAction::JoinRequestRevoked),
        (
            tag("member_add_mode").string_content("admin_add"),
            GroupAction::MemberAddMode("admin_add".to_owned()),
        ),
        (tag("invite").attr("code", "ABC"), GroupAction::Link),
        (tag("revoke"), GroupAction::Link),
        (tag("create").attr("type", "new"), GroupAction::Created),
        (tag("create"), GroupAction::Joined),
        (tag("delete"), GroupAction::Deleted),
        (tag("link").attr("link_type", "sub_group"), other("linked")),
        (tag("unlink").attr("unlink_type", "sub_group"), other("unlinked")),
        (tag("linked_group_promote"), other("linked_group_promote")),
        (tag("growth_locked"), other("growth_locked")),
        (tag("suspended"), other("suspended")),
        (tag("change_number"), other("change_number")),
        (tag("something_new"), other("something_new")),
    ];
    for (node, action) in table {
        let node = node.build();
        let shown = node.tag.to_string();
        assert_eq!(told(node).action, action, "{shown}");
    }
}

#[test]
fn people_go_by_phone_number_with_the_lid_beside_it() {
    let added = [
        participant("102@lid").attr("phone_number", "5511999990002@s.whatsapp.net"),
        participant("5511999990003@s.whatsapp.net").attr("lid", "103@lid"),
        participant("104@lid").attr("display_name", "+55∙∙∙∙∙∙∙∙∙04"),
        participant("101@lid").attr("display_name", ""),
    ];
    let node = NodeBuilder::new("add")
        .attr("reason", "invite")
        .children(added.map(NodeBuilder::build))
        .build();
    let told = notification(vec![node]);
    let asked: Vec<_> =
        addresses_of_group(&told, &told.actions[0]).iter().map(ToString::to_string).collect();
    assert_eq!(asked, ["104@lid", "101@lid"]);
    let mut aliases = Aliases::default();
    aliases.add("5511999990001", "101");
    let (_, change) = group(&told, 0, Some("Família".to_owned()), &own(), &aliases).unwrap();
    let phones = ["5511999990002@s.whatsapp.net", "5511999990003@s.whatsapp.net", "104@lid", ANA];
    assert_eq!(users(&change), phones);
    let lids: Vec<_> =
        change.participants.iter().map(|it| it.lid.as_ref().unwrap().user()).collect();
    assert_eq!(lids, ["102", "103", "104", "101"]);
    let names: Vec<_> = change.participants.iter().map(|it| it.name.as_deref()).collect();
    assert_eq!(names, [None, None, None, Some("Ana")]);
    let author = change.author.unwrap();
    assert_eq!((author.jid.to_string().as_str(), author.name.as_deref()), (ANA, Some("Ana")));
    assert_eq!(author.lid.unwrap().user(), "101");
    assert_eq!(change.reason.as_deref(), Some("invite"));
    assert_eq!(change.group.name.as_deref(), Some("Família"));
}

#[test]
fn whoever_asks_to_be_let_in_is_whom_it_concerns() {
    let node = NodeBuilder::new("membership_approval_request")
        .attr("request_method", "invite_link")
        .build();
    let change = told(node);
    assert_eq!(
        (users(&change), change.reason.as_deref()),
        (vec![ANA.to_owned()], Some("invite_link"))
    );
}

#[test]
fn a_new_group_comes_with_its_name_and_its_members() {
    let described = NodeBuilder::new("group")
        .attr("id", "120363000000000001")
        .attr("subject", "Família")
        .children([
            participant(ANA).attr("type", "superadmin").build(),
            participant("102@lid").attr("phone_number", "5511999990002@s.whatsapp.net").build(),
        ])
        .build();
    let create = || NodeBuilder::new("create").children([described.clone()]);
    let made = notification(vec![create().attr("type", "new").build()]);
    let facts = group_facts(&made.actions[0]);
    assert_eq!(facts, GroupFacts { name: Some("Família".to_owned()), is_community: Some(false) });
    let (_, change) = group(&made, 0, facts.name, &own(), &Aliases::default()).unwrap();
    assert_eq!(users(&change), [ANA, "5511999990002@s.whatsapp.net"]);

    // Others are in it already when we come in.
    let joined = notification(vec![create().attr("reason", "invite").build()]);
    assert_eq!(group_facts(&joined.actions[0]).name.as_deref(), Some("Família"));
    let (_, change) = group(&joined, 0, None, &own(), &Aliases::default()).unwrap();
    assert_eq!((users(&change), change.reason.as_deref()), (vec![OWN.to_owned()], Some("invite")));
}

#[test]
fn the_changes_of_one_notification_are_told_apart() {
    let told = notification(vec![
        NodeBuilder::new("locked").build(),
        NodeBuilder::new("announcement").build(),
    ]);
    let key = |index| group(&told, index, None, &own(), &Aliases::default()).unwrap().0.0;
    assert_eq!(key(0), format!("group|{GROUP}|N1|0"));
    assert_eq!(key(1), format!("group|{GROUP}|N1|1"));
}
