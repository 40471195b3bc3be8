//! Received media: brought into buckets, told to sinks, read by callers.

use std::time::Duration;

use wharf_application::instances::CreateInstance;
use wharf_domain::{
    Error, Resource,
    delivery::MediaCopy,
    event::EventBody,
    instance::Instance,
    message::{Content, Media, MediaKind, Message},
    s3::S3Config,
    state::ConnectionState,
};
use wharf_testkit::{InMemorySession, build};

use crate::{World, wanted};

pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const BUCKET: &str = "media";

pub(crate) fn bucket() -> S3Config {
    S3Config::parse("", BUCKET, "key", "hunter2", None, "acme").unwrap()
}

pub(crate) fn picture(from: &str) -> Message {
    let media = Media {
        kind: MediaKind::Image,
        url: None,
        mime_type: Some("image/png".to_owned()),
        file_name: None,
        caption: Some("my cat".to_owned()),
        size: Some(PNG.len() as u64),
        duration: None,
    };
    Message { content: Content::Media(media), ..build::incoming(&build::phone(from), "") }
}

fn with_bucket() -> CreateInstance {
    CreateInstance { s3: Some(bucket()), ..wanted("sales") }
}

/// A picture that the media host has arrives.
pub(crate) async fn receive(world: &World, session: &InMemorySession) -> Message {
    let picture = picture("5511999990002");
    world.whatsapp.keep_media(&picture.id, PNG);
    session.receive(picture.clone()).await.unwrap();
    picture
}

/// What the sink was told of a message's media, once it has it.
pub(crate) async fn told(world: &World, message: &Message) -> MediaCopy {
    let is_it = |body: &EventBody| matches!(body, EventBody::Message(one) if one.id == message.id);
    world
        .eventually("the event", |w| w.sink.delivered().iter().any(|event| is_it(&event.body)))
        .await;
    let attempts = world.sink.attempts();
    attempts.into_iter().rfind(|one| is_it(&one.event.body)).unwrap().media.unwrap()
}

pub(crate) fn is_told(world: &World, message: &Message) -> bool {
    world
        .sink
        .delivered()
        .iter()
        .any(|event| matches!(&event.body, EventBody::Message(one) if one.id == message.id))
}

/// Lets time pass in steps, and whatever wakes up run.
pub(crate) async fn pass(world: &World, time: Duration) {
    let step = Duration::from_secs(1);
    for _ in 0..time.as_secs() {
        world.clock.advance(step);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn received_media_is_in_the_bucket_before_its_event_goes_out() {
    let world = World::started().await;
    let (_, session) = world.connected_like(with_bucket()).await;
    let picture = receive(&world, &session).await;
    let copy = told(&world, &picture).await;
    let objects = world.buckets.objects(BUCKET);
    let (key, kept) = objects.first_key_value().unwrap();
    assert!(key.starts_with(&format!("acme/sales/2026/01/{}-", picture.id)), "{key}");
    assert_eq!(key.rsplit_once('.').unwrap().1, "png", "{key}");
    assert_eq!((kept.content_type.as_str(), &kept.bytes[..]), ("image/png", PNG));
    assert!(copy.s3_url.unwrap().contains(key.as_str()));
    assert_eq!((copy.s3_error, copy.bytes), (None, None));
}

#[tokio::test]
async fn a_bucket_that_is_down_holds_the_event_for_half_a_minute_and_is_tried_on() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    world.buckets.set_failing(true);
    let picture = receive(&world, &session).await;
    session.receive(build::incoming(&build::phone("5511999990003"), "other")).await.unwrap();
    pass(&world, Duration::from_secs(25)).await;
    assert!(!is_told(&world, &picture));
    assert!(world.sink.delivered().iter().any(
        |event| matches!(&event.body, EventBody::Message(one) if one.content.text() == "other"),
    ));
    pass(&world, Duration::from_secs(10)).await;
    let copy = told(&world, &picture).await;
    assert_eq!(copy.s3_url, None);
    assert!(copy.s3_error.unwrap().contains("told to fail"));
    world.buckets.set_failing(false);
    pass(&world, Duration::from_mins(2)).await;
    assert_eq!(world.buckets.objects(BUCKET).len(), 1);
    let file = world.services.media.read(&instance, &picture.id).await.unwrap();
    assert!(file.copy.s3_url.is_some() && file.copy.s3_error.is_none(), "later reads see it");
}

#[tokio::test]
async fn a_day_is_long_enough() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    world.buckets.set_failing(true);
    let picture = receive(&world, &session).await;
    for _ in 0..60 {
        world.clock.advance(Duration::from_mins(30));
        world.settle().await;
    }
    world.buckets.set_failing(false);
    world.clock.advance(Duration::from_hours(24));
    world.settle().await;
    assert!(world.buckets.objects(BUCKET).is_empty());
    let file = world.services.media.read(&instance, &picture.id).await.unwrap();
    assert!(file.copy.s3_error.is_some(), "from WhatsApp, which still has it");
    assert_eq!(file.bytes, PNG);
}

#[tokio::test]
async fn what_whatsapp_keeps_no_more_holds_nothing_up() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    let picture = picture("5511999990002");
    session.receive(picture.clone()).await.unwrap();
    let copy = told(&world, &picture).await;
    assert_eq!(copy.s3_error.as_deref(), Some("WhatsApp keeps the media no more"));
    let missing = world.services.media.read(&instance, &picture.id).await;
    assert!(matches!(missing, Err(Error::NotFound(Resource::Media))), "{missing:?}");
}

#[tokio::test]
async fn a_bucket_that_is_removed_is_waited_for_no_longer() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    world.buckets.set_failing(true);
    let picture = receive(&world, &session).await;
    world.settle().await;
    world.services.instances.update_s3(&instance, None).await.unwrap();
    pass(&world, Duration::from_secs(5)).await;
    let copy = told(&world, &picture).await;
    assert_eq!(copy.s3_error.as_deref(), Some("the instance has no bucket any more"));
}

#[tokio::test]
async fn media_that_a_stop_left_behind_is_fetched_after_the_start() {
    let before = World::started().await;
    let (instance, session) = before.connected_like(with_bucket()).await;
    before.whatsapp.slow_media(true);
    let picture = receive(&before, &session).await;
    before.eventually("under way", |w| w.whatsapp.downloads() == 1).await;
    before.services.stop().await;
    before.whatsapp.slow_media(false);
    let world = World::on(before.store.clone(), before.whatsapp.clone()).await;
    world.services.start().await.unwrap();
    world.until(&instance, ConnectionState::Connected).await;
    pass(&world, Duration::from_secs(5)).await;
    assert!(told(&world, &picture).await.s3_url.is_some());
    assert_eq!(world.buckets.objects(BUCKET).len(), 1);
}

#[tokio::test]
async fn media_of_an_instance_that_is_away_waits_for_it() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    world.whatsapp.fail_media(Some("reset"));
    let picture = receive(&world, &session).await;
    world.settle().await;
    world.whatsapp.hold();
    session.end(wharf_domain::ports::SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, ConnectionState::Connecting).await;
    world.whatsapp.fail_media(None);
    pass(&world, Duration::from_secs(40)).await;
    let copy = told(&world, &picture).await;
    assert_eq!(copy.s3_error.as_deref(), Some("the instance is not connected to WhatsApp"));
    let offline = world.services.media.read(&instance, &picture.id).await;
    assert!(matches!(offline, Err(Error::NotConnected)), "{offline:?}");
    let sessions = world.whatsapp.sessions(instance.id);
    sessions
        .last()
        .unwrap()
        .emit(wharf_domain::ports::SessionEvent::Connected { profile: crate::ana() });
    world.until(&instance, ConnectionState::Connected).await;
    // It has not to wait out its pause.
    world.eventually("the upload", |w| w.buckets.objects(BUCKET).len() == 1).await;
}

#[tokio::test]
async fn media_is_read_by_id_and_what_has_none_has_none() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    let picture = receive(&world, &session).await;
    let text = build::incoming(&build::phone("5511999990002"), "hello");
    session.receive(text.clone()).await.unwrap();
    told(&world, &picture).await;
    world.whatsapp.lose_media(&picture.id);
    let media = &world.services.media;
    let file = media.read(&instance, &picture.id).await.unwrap();
    assert_eq!((file.bytes.as_ref(), file.media.kind), (PNG, MediaKind::Image));
    let none = media.read(&instance, &text.id).await;
    assert!(matches!(none, Err(Error::NotFound(Resource::Media))), "{none:?}");
    let unknown = media.read(&instance, &build::message_id()).await;
    assert!(matches!(unknown, Err(Error::NotFound(Resource::Message))), "{unknown:?}");
    let (key, _) = world.buckets.objects(BUCKET).pop_first().unwrap();
    world.buckets.remove(BUCKET, &key);
    let gone = media.read(&instance, &picture.id).await;
    assert!(matches!(gone, Err(Error::NotFound(Resource::Media))), "{gone:?}");
}

#[tokio::test]
async fn own_media_from_the_phone_is_fetched_and_what_the_api_sent_is_not() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    let own = Message {
        direction: wharf_domain::message::Direction::Outgoing,
        ..picture("5511999990002")
    };
    world.whatsapp.keep_media(&own.id, PNG);
    session.receive(own.clone()).await.unwrap();
    assert!(told(&world, &own).await.s3_url.is_some());
    let request = wharf_domain::send_media::MediaRequest {
        number: "5511999990002".to_owned(),
        media_type: "document".to_owned(),
        media_url: Some("aGVsbG8=".to_owned()),
        ..Default::default()
    };
    let wanted = wharf_domain::send_media::SendMedia::parse(request, 100).unwrap();
    let sent = world.services.messages.send_media(&instance, wanted, None).await.unwrap();
    assert_eq!(told(&world, &sent).await, MediaCopy::default());
    assert_eq!(world.buckets.objects(BUCKET).len(), 1);
    let file = world.services.media.read(&instance, &sent.id).await.unwrap();
    assert_eq!(file.bytes.as_ref(), b"hello");
    drop::<Instance>(instance);
}

#[tokio::test]
async fn an_instance_with_a_backlog_leaves_workers_to_others() {
    let world = World::started().await;
    let (_, busy) = world.connected_like(with_bucket()).await;
    let other = CreateInstance { s3: Some(bucket()), ..wanted("other") };
    let (_, other) = world.connected_like(other).await;
    world.whatsapp.slow_media(true);
    for _ in 0..12 {
        receive(&world, &busy).await;
    }
    world.eventually("its share", |w| w.whatsapp.downloads() == 2).await;
    receive(&world, &other).await;
    world.eventually("the other's", |w| w.whatsapp.downloads() == 3).await;
    world.settle().await;
    assert_eq!(world.whatsapp.downloads(), 3);
    world.whatsapp.slow_media(false);
    pass(&world, Duration::from_mins(15)).await;
    assert_eq!(world.buckets.objects(BUCKET).len(), 13, "all come in their turn");
}

#[tokio::test]
async fn what_is_in_a_former_bucket_is_told_without_a_url_and_read_from_whatsapp() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_bucket()).await;
    let picture = receive(&world, &session).await;
    assert!(told(&world, &picture).await.s3_url.is_some());
    let elsewhere = Some("https://elsewhere.example.com");
    for (name, endpoint) in [("another", None), (BUCKET, elsewhere)] {
        let other = S3Config::parse("", name, "key", "hunter2", endpoint, "acme").unwrap();
        world.services.instances.update_s3(&instance, Some(other)).await.unwrap();
        let instance = world.reload(&instance).await;
        let before = world.whatsapp.downloads();
        let file = world.services.media.read(&instance, &picture.id).await.unwrap();
        assert_eq!(file.bytes.as_ref(), PNG);
        assert_eq!(world.whatsapp.downloads(), before + 1);
        assert_eq!(file.copy.s3_url, None);
        let error = file.copy.s3_error.unwrap();
        assert_eq!(error, "the bucket is not configured any more");
    }
}
