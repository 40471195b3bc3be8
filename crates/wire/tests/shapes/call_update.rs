use insta::assert_json_snapshot;
use wharf_domain::{
    call::{CallAction, CallUpdate},
    event::EventBody,
};

use crate::{ana, at, jid, rendered};

fn offer() -> CallUpdate {
    CallUpdate {
        action: CallAction::Offer,
        id: "4C1B9A7E0D2F43A8B6C5D4E3F2A1B0C9".to_owned(),
        from: ana(),
        group: None,
        is_group: false,
        is_video: true,
        reason: None,
        duration: None,
        timestamp: at(),
    }
}

#[test]
fn a_call_that_rings() {
    assert_json_snapshot!(rendered(EventBody::Call(offer())));
}

#[test]
fn a_missed_call() {
    let missed =
        CallUpdate { action: CallAction::Terminated, reason: Some("missed".to_owned()), ..offer() };
    assert_json_snapshot!(rendered(EventBody::Call(missed))["data"]);
}

#[test]
fn a_call_that_ended_says_how_long_it_lasted() {
    let ended = CallUpdate { action: CallAction::Terminated, duration: Some(61), ..offer() };
    assert_json_snapshot!(rendered(EventBody::Call(ended))["data"]);
}

#[test]
fn a_groups_call_is_in_the_chat_of_the_group() {
    let call = CallUpdate {
        action: CallAction::Notification,
        group: Some(jid("120363000000000001@g.us")),
        is_group: true,
        ..offer()
    };
    assert_json_snapshot!(rendered(EventBody::Call(call))["data"]);
}

#[test]
fn a_groups_call_whose_group_is_unknown_is_in_no_chat() {
    let call = CallUpdate { is_group: true, ..offer() };
    let data = &rendered(EventBody::Call(call))["data"];
    assert_eq!([data["chat"].is_null(), data["groupJid"].is_null()], [true, true], "{data}");
}

#[test]
fn every_action_has_the_contracts_name() {
    let actions = [
        CallAction::Offer,
        CallAction::Accepted,
        CallAction::Rejected,
        CallAction::Terminated,
        CallAction::Notification,
        CallAction::Latency,
    ];
    let names = actions.map(|action| {
        rendered(EventBody::Call(CallUpdate { action, ..offer() }))["data"]["type"].take()
    });
    assert_json_snapshot!(names);
}
