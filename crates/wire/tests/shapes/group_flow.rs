use insta::assert_json_snapshot;
use serde_json::Value;
use wharf_domain::{
    address::Party,
    event::EventBody,
    group::{GroupAction, GroupChange},
};

use crate::{ana, at, group_chat, jid, rendered, us};

fn change(action: GroupAction, participants: Vec<Party>) -> GroupChange {
    GroupChange {
        action,
        group: group_chat().party,
        author: Some(us()),
        participants,
        reason: None,
        timestamp: at(),
    }
}

fn told(change: GroupChange) -> Value {
    rendered(EventBody::Group(change))["data"].take()
}

/// What is there because of the action, besides what every change tells.
fn said(action: GroupAction) -> Value {
    let mut told = told(change(action, Vec::new()));
    let data = told.as_object_mut().unwrap();
    for shared in ["groupJid", "timestamp", "author", "participants"] {
        data.remove(shared).unwrap();
    }
    told
}

#[test]
fn somebody_joined() {
    let joined = GroupChange {
        reason: Some("invite".to_owned()),
        ..change(GroupAction::Joined, vec![ana()])
    };
    assert_json_snapshot!(rendered(EventBody::Group(joined)));
}

#[test]
fn somebody_of_whom_only_the_hidden_address_is_known() {
    let hidden = Party::of(jid("100000000000003@lid"), None, None);
    let left = GroupChange { author: None, ..change(GroupAction::Left, vec![hidden]) };
    assert_json_snapshot!(told(left));
}

#[test]
fn what_happens_to_people_and_to_the_group_as_such_has_a_name() {
    let names = [
        GroupAction::Created,
        GroupAction::Deleted,
        GroupAction::Joined,
        GroupAction::Left,
        GroupAction::Promoted,
        GroupAction::Demoted,
        GroupAction::NumberChanged,
        GroupAction::Link,
        GroupAction::JoinRequested,
        GroupAction::JoinRequestRevoked,
        GroupAction::Other("growth_locked".to_owned()),
    ];
    assert_json_snapshot!(names.map(said));
}

#[test]
fn what_is_set_comes_with_its_new_value() {
    let changes = [
        GroupAction::Name("Good neighbours".to_owned()),
        GroupAction::Topic(Some("No parcels at night".to_owned())),
        GroupAction::Topic(None),
        GroupAction::Announce(true),
        GroupAction::Announce(false),
        GroupAction::Locked(true),
        GroupAction::Ephemeral(86_400),
        GroupAction::Ephemeral(0),
        GroupAction::Approval(true),
        GroupAction::MemberAddMode("admin_add".to_owned()),
    ];
    assert_json_snapshot!(changes.map(said));
}
