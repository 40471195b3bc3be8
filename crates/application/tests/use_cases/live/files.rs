//! Media of events for readers.

use std::time::Duration;

use wharf_application::{instances::CreateInstance, live::Heard};
use wharf_domain::message::Message;
use wharf_testkit::build;

use super::{next, say, with_websocket, words};
use crate::{
    World,
    buckets::{PNG, bucket, pass, picture, receive},
};

#[tokio::test]
async fn files_go_along_where_the_websocket_wants_them_and_nowhere_else() {
    for along in [true, false] {
        let world = World::started().await;
        let (instance, session) =
            world.connected_like(with_websocket(&["message.exchange"], along)).await;
        let mut reader = world.attach(&instance, None).await;
        receive(&world, &session).await;
        let expected = if along { Some(PNG.len()) } else { None };
        assert_eq!(next(&mut reader).await[3], format!("{expected:?} None false"));
        assert_eq!(world.whatsapp.downloads(), usize::from(along));
    }
}

#[tokio::test]
async fn what_comes_after_a_file_that_is_on_its_way_waits_for_it() {
    let world = World::started().await;
    let (instance, session) =
        world.connected_like(with_websocket(&["message.exchange"], true)).await;
    let mut reader = world.attach(&instance, None).await;
    world.whatsapp.fail_media(Some("down"));
    receive(&world, &session).await;
    say(&session, "after it").await;
    pass(&world, Duration::from_secs(20)).await;
    assert!(futures::poll!(std::pin::pin!(reader.next())).is_pending(), "it may come in a moment");
    pass(&world, Duration::from_secs(20)).await;
    let told = next(&mut reader).await;
    assert!(told[3].starts_with("None Some(") && told[3].contains("down"), "{told:?}");
    assert_eq!(words(&mut reader).await, "after it");
}

#[tokio::test]
async fn a_file_is_in_the_bucket_before_its_event_is_told_or_half_a_minute_has_passed() {
    for is_down in [false, true] {
        let world = World::started().await;
        let wanted =
            CreateInstance { s3: Some(bucket()), ..with_websocket(&["message.exchange"], false) };
        let (instance, session) = world.connected_like(wanted).await;
        let mut reader = world.attach(&instance, None).await;
        world.buckets.set_failing(is_down);
        receive(&world, &session).await;
        pass(&world, Duration::from_secs(20)).await;
        if is_down {
            assert!(futures::poll!(std::pin::pin!(reader.next())).is_pending());
            pass(&world, Duration::from_secs(20)).await;
        }
        let told = next(&mut reader).await;
        assert_eq!(told[3], format!("None None {}", !is_down));
    }
}

/// Pictures of a mebibyte each.
async fn large_pictures(world: &World, session: &wharf_testkit::InMemorySession, count: usize) {
    let bytes = [PNG, &vec![0; 1 << 20]].concat();
    for _ in 0..count {
        let mut picture: Message = picture("5511999990002");
        picture.id = build::message_id();
        if let wharf_domain::message::Content::Media(media) = &mut picture.content {
            media.size = Some(bytes.len() as u64);
        }
        world.whatsapp.keep_media(&picture.id, bytes.clone());
        session.receive(picture).await.unwrap();
    }
}

#[tokio::test]
async fn files_that_nobody_reads_take_up_a_bounded_room_and_go_without_beyond_it() {
    let world = World::started().await;
    let (instance, session) =
        world.connected_like(with_websocket(&["message.exchange"], true)).await;
    let mut reader = world.attach(&instance, None).await;
    large_pictures(&world, &session, 60).await;
    pass(&world, Duration::from_mins(5)).await;
    let mut along = 0;
    for n in 0..60 {
        let told = match reader.next().await {
            Heard::Event(event) => String::from_utf8(event.text().to_vec()).unwrap(),
            other => panic!("{other:?} at {n}"),
        };
        along += usize::from(told.contains("Some(1048"));
    }
    assert!((20..60).contains(&along), "{along} of them were in memory at once");
}
