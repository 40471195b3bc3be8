//! Calls: rejected when the settings say so, and their callers written to.

use wharf_application::instances::SettingsChange;
use wharf_domain::{
    call::{CallAction, CallUpdate},
    event::{EventBody, EventKey},
    instance::Instance,
    message::Message,
    ports::{IncomingCall, SessionEvent},
};
use wharf_testkit::{InMemorySession, build};

use crate::World;

pub(crate) fn call(id: &str) -> IncomingCall {
    let caller = build::phone("5511999990002");
    IncomingCall {
        id: id.to_owned(),
        from: build::party(caller.clone(), None),
        creator: caller,
        is_group: false,
        is_video: false,
        timestamp: build::moment(0),
    }
}

/// A call rings.
pub(crate) fn rings(call: IncomingCall) -> SessionEvent {
    let update = CallUpdate {
        action: CallAction::Offer,
        id: call.id.clone(),
        from: call.from.clone(),
        group: None,
        is_group: call.is_group,
        is_video: call.is_video,
        reason: None,
        duration: None,
        timestamp: call.timestamp,
    };
    let key = EventKey(format!("call|{}|offer", call.id));
    SessionEvent::Call { key, update, ringing: Some(call) }
}

async fn rejecting(text: &str) -> (World, Instance, InMemorySession) {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let change = SettingsChange {
        auto_reject_calls: Some(true),
        call_reject_message: Some(text.to_owned()),
        ..SettingsChange::default()
    };
    world.services.instances.update_settings(&instance, change).await.unwrap();
    (world, instance, session)
}

fn written(world: &World, instance: &Instance) -> Vec<Message> {
    let events = world.store.events(instance.id);
    let messages = events.into_iter().filter_map(|event| match event.body {
        EventBody::Message(message) => Some(*message),
        _ => None,
    });
    messages.collect()
}

#[tokio::test]
async fn a_call_is_rejected_once_and_its_caller_is_written_to() {
    let (world, instance, session) = rejecting("no calls, please").await;
    session.emit(rings(call("A")));
    session.emit(rings(call("A")));
    world.eventually("the reply", |w| !written(w, &instance).is_empty()).await;
    world.settle().await;
    assert_eq!(world.whatsapp.rejected_calls(), [(instance.id, call("A"))]);
    let written = written(&world, &instance);
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].content.text(), "no calls, please");
    assert_eq!(written[0].source.as_deref(), Some("auto-reject"));
    assert_eq!(written[0].chat.party.jid, build::phone("5511999990002"));
}

#[tokio::test]
async fn nothing_is_written_without_a_text_or_to_the_caller_of_a_group() {
    let (world, instance, session) = rejecting(" ").await;
    session.emit(rings(call("A")));
    world.eventually("rejected", |w| w.whatsapp.rejected_calls().len() == 1).await;
    let change = SettingsChange {
        call_reject_message: Some("no calls".to_owned()),
        ..SettingsChange::default()
    };
    world.services.instances.update_settings(&instance, change).await.unwrap();
    session.emit(rings(IncomingCall { is_group: true, ..call("B") }));
    world.eventually("rejected", |w| w.whatsapp.rejected_calls().len() == 2).await;
    world.settle().await;
    assert!(world.whatsapp.sent().is_empty());
}

#[tokio::test]
async fn a_call_rings_on_where_nobody_wants_it_rejected() {
    let world = World::started().await;
    let (_, session) = world.connected("sales").await;
    session.emit(rings(call("A")));
    world.settle().await;
    assert!(world.whatsapp.rejected_calls().is_empty());
}

#[tokio::test]
async fn a_caller_who_cannot_be_written_to_holds_up_nobody() {
    let (world, instance, session) = rejecting("no calls").await;
    world.whatsapp.refuse(&build::phone("5511999990002"), 463);
    session.emit(rings(call("A")));
    let mut other = call("B");
    other.from = build::party(build::phone("5511999990003"), None);
    session.emit(rings(other));
    world.eventually("the other", |w| w.whatsapp.sent().len() == 1).await;
    assert_eq!(world.whatsapp.rejected_calls().len(), 2);
    world.eventually("recorded", |w| written(w, &instance).len() == 1).await;
}
