//! Received media that goes along with its events, for sinks that want it so.

use std::{sync::Arc, time::Duration};

use wharf_application::instances::CreateInstance;
use wharf_domain::{
    delivery::Outcome,
    event::{EventBody, EventId, NewEvent},
    instance::Instance,
    message::Message,
    ports::{EventLog, SessionEvent},
    s3::S3Config,
    webhook::{WebhookLabel, WebhookTarget},
};
use wharf_testkit::{ManualClock, build};

use crate::{
    World,
    buckets::{PNG, bucket, is_told, pass, picture, receive, told},
    target, wanted,
};

/// An instance whose webhook wants the files along.
fn with_base64(s3: Option<S3Config>) -> CreateInstance {
    let webhook = WebhookTarget { media_base64: true, ..target() };
    CreateInstance { s3, webhook: Some(webhook), ..wanted("sales") }
}

/// Pictures that arrived long ago, each in a chat of its own, and were never delivered.
async fn old_pictures(world: &World, instance: &Instance, count: u32) -> Vec<Message> {
    let pictures: Vec<_> = (0..count).map(|chat| picture(&format!("55119998{chat:05}"))).collect();
    let events = pictures.iter().map(|picture| NewEvent {
        id: EventId(build::uuid()),
        recorded_at: build::moment(-86_400),
        key: None,
        body: EventBody::Message(Box::new(picture.clone())),
        raw: Some(format!("media {}", picture.id).into()),
        media_until: None,
    });
    let events: Vec<_> = events.collect();
    EventLog::append(&*world.store, instance.id, &events).await.unwrap();
    pictures
}

#[tokio::test]
async fn a_sink_that_wants_files_along_gets_them_from_wherever_they_are() {
    for s3 in [None, Some(bucket())] {
        let world = World::started().await;
        let has_bucket = s3.is_some();
        let (_, session) = world.connected_like(with_base64(s3)).await;
        let picture = receive(&world, &session).await;
        let copy = told(&world, &picture).await;
        assert_eq!(copy.bytes.as_deref(), Some(PNG));
        assert_eq!((copy.bytes_error, copy.s3_url.is_some()), (None, has_bucket));
        assert_eq!(world.whatsapp.downloads(), 1, "once, whoever wants it");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_had_stays_behind_after_half_a_minute() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_base64(None)).await;
    world.whatsapp.fail_media(Some("down"));
    let picture = receive(&world, &session).await;
    session.receive(build::incoming(&build::phone("5511999990003"), "other")).await.unwrap();
    pass(&world, Duration::from_secs(20)).await;
    assert!(!is_told(&world, &picture), "it may come in a moment");
    assert!(world.sink.delivered().iter().any(
        |event| matches!(&event.body, EventBody::Message(one) if one.content.text() == "other"),
    ));
    pass(&world, Duration::from_secs(20)).await;
    let copy = told(&world, &picture).await;
    assert_eq!(copy.bytes, None);
    assert!(copy.bytes_error.unwrap().contains("down"));
}

#[tokio::test]
async fn a_file_that_takes_for_ever_holds_up_neither_its_event_nor_others() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_base64(None)).await;
    world.whatsapp.slow_media(true);
    let picture = receive(&world, &session).await;
    session.receive(build::incoming(&build::phone("5511999990003"), "other")).await.unwrap();
    world
        .eventually("the other", |w| {
            w.sink.delivered().iter().any(|event| {
                matches!(&event.body, EventBody::Message(one) if one.content.text() == "other")
            })
        })
        .await;
    pass(&world, Duration::from_secs(70)).await;
    assert_eq!(told(&world, &picture).await.bytes_error.as_deref(), Some("it took too long"));
}

#[tokio::test]
async fn files_that_take_long_leave_turns_to_what_has_none() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_base64(None)).await;
    world.whatsapp.slow_media(true);
    for chat in 0..20 {
        let picture = picture(&format!("55119999{chat:05}"));
        session.receive(picture).await.unwrap();
    }
    session.receive(build::incoming(&build::phone("5511999990003"), "other")).await.unwrap();
    pass(&world, Duration::from_secs(5)).await;
    assert!(world.sink.delivered().iter().any(
        |event| matches!(&event.body, EventBody::Message(one) if one.content.text() == "other"),
    ));
}

#[tokio::test]
async fn many_old_files_that_take_for_ever_hold_no_turns_and_go_without_in_the_end() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_base64(None)).await;
    pass(&world, Duration::from_secs(40)).await;
    world.whatsapp.slow_media(true);
    let pictures = old_pictures(&world, &instance, 20).await;
    session.receive(build::incoming(&build::phone("5511999990003"), "other")).await.unwrap();
    pass(&world, Duration::from_secs(5)).await;
    assert!(world.sink.delivered().iter().any(
        |event| matches!(&event.body, EventBody::Message(one) if one.content.text() == "other"),
    ));
    assert!(!is_told(&world, &pictures[0]), "it may come in a moment");
    pass(&world, Duration::from_secs(90)).await;
    for picture in &pictures {
        let copy = told(&world, picture).await;
        assert_eq!(copy.bytes_error.as_deref(), Some("it took too long"));
    }
}

#[tokio::test]
async fn an_old_file_that_comes_late_goes_along() {
    let world = World::started().await;
    let (instance, _session) = world.connected_like(with_base64(None)).await;
    pass(&world, Duration::from_secs(40)).await;
    world.whatsapp.slow_media(true);
    let pictures = old_pictures(&world, &instance, 1).await;
    world.whatsapp.keep_media(&pictures[0].id, PNG);
    // The queue is looked through after something got through to the webhook.
    world.services.deliveries.test(&instance, &WebhookLabel::default()).await.unwrap();
    pass(&world, Duration::from_secs(5)).await;
    world.whatsapp.slow_media(false);
    pass(&world, Duration::from_secs(10)).await;
    assert_eq!(told(&world, &pictures[0]).await.bytes.as_deref(), Some(PNG));
}

#[tokio::test]
async fn waiting_for_a_file_counts_no_attempt() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_base64(None)).await;
    world.whatsapp.slow_media(true);
    let picture = receive(&world, &session).await;
    pass(&world, Duration::from_secs(20)).await;
    world.sink.answer_next(Outcome::Retry { reason: "status 503".to_owned(), after: None });
    let before = world.sink.attempts().len();
    world.whatsapp.slow_media(false);
    pass(&world, Duration::from_secs(9)).await;
    assert!(matches!(world.sink.attempts()[before].outcome, Outcome::Retry { .. }));
    assert!(is_told(&world, &picture), "the pause after the first failure is a second");
}

#[tokio::test]
async fn a_file_is_waited_for_while_sessions_come_back_after_a_start() {
    let before = World::started().await;
    let (instance, session) = before.connected_like(with_base64(None)).await;
    before.whatsapp.slow_media(true);
    let picture = receive(&before, &session).await;
    before.services.stop().await;
    before.whatsapp.slow_media(false);
    before.whatsapp.hold();
    let (store, whatsapp) = (before.store.clone(), before.whatsapp.clone());
    let late = Arc::new(ManualClock::at(build::moment(86_400)));
    let world = World::with(store, whatsapp, |ports| ports.clock = late.clone()).await;
    let world = World { clock: late, ..world };
    world.services.start().await.unwrap();
    pass(&world, Duration::from_secs(10)).await;
    assert!(!is_told(&world, &picture));
    let profile = crate::ana();
    let session = world.whatsapp.until_sessions(instance.id, 2).await;
    session.emit(SessionEvent::Connected { profile });
    pass(&world, Duration::from_secs(10)).await;
    assert_eq!(told(&world, &picture).await.bytes.as_deref(), Some(PNG));
}

#[tokio::test]
async fn a_message_of_the_same_id_in_another_chat_lends_its_file_to_nobody() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_base64(None)).await;
    world.whatsapp.fail_media(Some("down"));
    let first = receive(&world, &session).await;
    let other = Message { id: first.id.clone(), ..picture("5511999990009") };
    session.receive(other.clone()).await.unwrap();
    pass(&world, Duration::from_secs(5)).await;
    world.whatsapp.fail_media(None);
    pass(&world, Duration::from_secs(40)).await;
    let told: Vec<_> = world
        .sink
        .attempts()
        .into_iter()
        .filter_map(|one| {
            let EventBody::Message(message) = &one.event.body else { return None };
            Some((message.chat.party.jid.clone(), one.media?.bytes.is_some()))
        })
        .collect();
    assert!(told.contains(&(other.chat.party.jid, true)), "{told:?}");
    assert!(told.contains(&(first.chat.party.jid, false)), "{told:?}");
}
