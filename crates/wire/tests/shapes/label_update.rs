use insta::assert_json_snapshot;
use wharf_domain::{
    event::EventBody,
    label::{LabelAction, LabelChange},
};

use crate::{ana, at, group_chat, rendered};

fn change(action: LabelAction) -> EventBody {
    EventBody::Label(LabelChange { label: "100".to_owned(), action, timestamp: at() })
}

fn chat(labeled: bool) -> LabelAction {
    LabelAction::Chat { chat: ana(), labeled }
}

#[test]
fn a_label_on_a_chat() {
    assert_json_snapshot!(rendered(change(chat(true))));
}

#[test]
fn a_label_taken_off_a_chat_and_one_on_a_group() {
    let group = LabelAction::Chat { chat: group_chat().party, labeled: true };
    assert_json_snapshot!([
        &rendered(change(chat(false)))["data"],
        &rendered(change(group))["data"]
    ]);
}

#[test]
fn a_label_itself() {
    let name = || "New customer".to_owned();
    let updated = LabelAction::Edited { name: name(), color: 7 };
    let deleted = LabelAction::Deleted { name: Some(name()), color: Some(7) };
    let bare = LabelAction::Deleted { name: None, color: None };
    assert_json_snapshot!([updated, deleted, bare].map(|it| rendered(change(it))["data"].take()));
}
