//! What sessions tell of besides messages: recorded, and acted upon only then.

use std::time::Duration;

use bytes::Bytes;
use wharf_application::instances::SettingsChange;
use wharf_domain::{
    address::Party,
    event::{EventBody, EventKey, ReceiptKind},
    group::{GroupAction, GroupChange},
    instance::Instance,
    label::{LabelAction, LabelChange},
    message::{MessageStatus, SendText},
    ports::{MessageStore, SessionEvent},
};
use wharf_testkit::build;

use crate::{
    World,
    calls::{call, rings},
};

fn joined() -> SessionEvent {
    let ana = build::party(build::phone("5511999990002"), Some("Ana"));
    let change = GroupChange {
        action: GroupAction::Joined,
        group: build::party(build::jid("123456@g.us"), Some("Friends")),
        author: Some(ana.clone()),
        participants: vec![ana],
        reason: Some("invite".to_owned()),
        timestamp: build::moment(0),
    };
    SessionEvent::Group { key: EventKey("group|1".to_owned()), change }
}

fn labelled() -> SessionEvent {
    let change = LabelChange {
        label: "1".to_owned(),
        action: LabelAction::Edited { name: "vip".to_owned(), color: 7 },
        timestamp: build::moment(0),
    };
    SessionEvent::Label { key: EventKey("label|1".to_owned()), change }
}

/// The kinds of what is in the log, but for changes of the link.
fn recorded(world: &World, instance: &Instance) -> Vec<&'static str> {
    let events = world.store.events(instance.id);
    let bodies = events.iter().map(|event| &event.body);
    let others = bodies.filter(|body| !matches!(body, EventBody::State(_)));
    others.map(|body| body.kind().as_str()).collect()
}

#[tokio::test]
async fn calls_groups_and_labels_are_events_and_their_repeats_are_not() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    // Groups' messages are another matter.
    let change = SettingsChange { ignore_group_messages: Some(true), ..SettingsChange::default() };
    world.services.instances.update_settings(&instance, change).await.unwrap();
    for _ in 0..2 {
        session.emit(rings(call("A")));
        session.emit(joined());
        session.emit(labelled());
    }
    session.receive(build::incoming(&build::phone("5511999990002"), "afterwards")).await.unwrap();
    let expected = ["call.update", "group.flow", "label.update", "message.exchange"];
    assert_eq!(recorded(&world, &instance), expected);
    world.eventually("told", |w| w.sink.delivered().len() >= expected.len()).await;
}

#[tokio::test]
async fn what_nobody_repeats_is_recorded_once_the_store_works_again() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let change = SettingsChange { auto_reject_calls: Some(true), ..SettingsChange::default() };
    world.services.instances.update_settings(&instance, change).await.unwrap();
    world.store.set_failing(true);
    session.emit(rings(call("A")));
    session.emit(joined());
    session.emit(labelled());
    world.settle().await;
    assert!(world.whatsapp.rejected_calls().is_empty(), "nothing is answered before it is kept");
    world.store.set_failing(false);
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(1));
        world.settle().await;
    }
    assert_eq!(recorded(&world, &instance), ["call.update", "group.flow", "label.update"]);
    world.eventually("rejected", |w| w.whatsapp.rejected_calls().len() == 1).await;
}

#[tokio::test]
async fn one_receipt_settles_all_the_messages_it_speaks_of() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let bia = build::phone("5511999990002");
    world.whatsapp.set_silent(&bia, true);
    for words in ["one", "two"] {
        let text = SendText::parse("5511999990002", words.to_owned(), None, None, None).unwrap();
        world.services.messages.send_text(&instance, text, None).await.unwrap_err();
    }
    let mut ids: Vec<_> = world.whatsapp.sent().into_iter().map(|(_, sent)| sent.id).collect();
    ids.push(build::message_id());
    let receipt = build::receipt_event(ReceiptKind::Delivered, &bia, &ids);
    let EventBody::Receipt(receipt) = receipt.body else { unreachable!("it was built as one") };
    session.emit(SessionEvent::Receipt { key: EventKey("receipt".to_owned()), receipt });
    let expected = ["message.exchange", "message.exchange", "message.status"];
    world.eventually("settled", |w| recorded(w, &instance) == expected).await;
    for id in &ids[..2] {
        let stored = MessageStore::find(&*world.store, instance.id, id).await.unwrap().unwrap();
        assert_eq!(stored.status, MessageStatus::Delivered);
    }
}

#[tokio::test]
async fn a_stored_message_is_recalled_as_it_was_received() {
    let world = World::started().await;
    let (_, session) = world.connected("sales").await;
    let poll = build::incoming(&build::phone("5511999990002"), "lunch?");
    session.receive(poll.clone()).await.unwrap();
    let raw: Option<Bytes> = session.recall(&poll.id).await.unwrap();
    assert!(raw.is_some_and(|raw| !raw.is_empty()));
    assert_eq!(session.recall(&build::message_id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_send_to_a_lid_is_answered_with_the_number_behind_it() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let (lid, phone) = (build::jid("123456@lid"), build::phone("5511999990002"));
    world.whatsapp.learn_phone(instance.id, &lid, &phone);
    let text = SendText::parse(&lid.to_string(), "hello".to_owned(), None, None, None).unwrap();
    let sent = world.services.messages.send_text(&instance, text, None).await.unwrap();
    assert_eq!(sent.chat.party, Party { jid: phone, lid: Some(lid.clone()), name: None });
    assert_eq!(sent.recipient, Some(sent.chat.party));
    assert_eq!(world.whatsapp.sent()[0].1.to, lid, "WhatsApp gets what the caller gave");
}
