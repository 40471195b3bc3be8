//! Readers who were away, and say which event they had last.

use std::{sync::Arc, time::Duration};

use wharf_application::live::{Heard, Reader};
use wharf_domain::{
    event::{EventBody, EventId, NewEvent},
    instance::Instance,
    ports::EventLog,
};
use wharf_testkit::{InMemorySession, build};

use super::{bia, say, with_websocket, words};
use crate::World;

/// Messages of the past that nobody was told of, by number; gives the id of the first.
async fn past(world: &World, instance: &Instance, numbers: std::ops::Range<usize>) -> EventId {
    let events: Vec<_> =
        numbers.map(|n| build::message_event(build::incoming(&bia(), &format!("{n}")))).collect();
    EventLog::append(&*world.store, instance.id, &events).await.unwrap();
    events[0].id
}

async fn scene() -> (World, Instance, InMemorySession) {
    let world = World::started().await;
    let (instance, session) =
        world.connected_like(with_websocket(&["message.exchange"], false)).await;
    (world, instance, session)
}

async fn expect(reader: &mut Reader, numbers: std::ops::Range<usize>) {
    for n in numbers {
        assert_eq!(words(reader).await, n.to_string());
    }
}

#[tokio::test]
async fn what_was_missed_comes_first_and_once() {
    let (world, instance, session) = scene().await;
    let first = past(&world, &instance, 0..1000).await;
    let mut reader = world.attach(&instance, Some(first)).await;
    expect(&mut reader, 1..1000).await;
    say(&session, "1000").await;
    expect(&mut reader, 1000..1001).await;
    assert!(futures::poll!(std::pin::pin!(reader.next())).is_pending());
}

#[tokio::test]
async fn who_had_the_last_event_misses_nothing_that_comes() {
    let (world, instance, session) = scene().await;
    past(&world, &instance, 0..1).await;
    let last = world.store.events(instance.id).last().unwrap().id;
    let mut reader = world.attach(&instance, Some(last)).await;
    say(&session, "1").await;
    expect(&mut reader, 1..2).await;
    assert!(futures::poll!(std::pin::pin!(reader.next())).is_pending());
}

#[tokio::test]
async fn an_event_that_is_not_in_the_log_counts_by_its_moment() {
    let (world, instance, _) = scene().await;
    let old = NewEvent {
        recorded_at: build::moment(-60),
        ..build::message_event(build::incoming(&bia(), "before that moment"))
    };
    EventLog::append(&*world.store, instance.id, &[old]).await.unwrap();
    past(&world, &instance, 0..10).await;
    let moment = build::moment(-30).timestamp_millis().try_into().unwrap();
    let unknown = uuid::Builder::from_unix_timestamp_millis(moment, &[0; 10]).into_uuid();
    let unknown = EventId(unknown);
    let mut reader = world.attach(&instance, Some(unknown)).await;
    expect(&mut reader, 0..10).await;
}

/// Nothing is missed and nothing comes twice, whoever is attached and whenever, while messages keep coming.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_who_come_back_while_messages_keep_coming_miss_nothing_and_hear_nothing_twice() {
    const ALL: usize = 4000;
    let (world, instance, session) = scene().await;
    let world = Arc::new(world);
    let first = past(&world, &instance, 0..1000).await;
    let readers: Vec<_> = (0..6)
        .map(|n| {
            let (world, instance) = (world.clone(), instance.clone());
            tokio::spawn(async move {
                // One of them is there all the time, the others come one after the other, and come back.
                let mut heard = 1;
                let mut since = first;
                while heard < ALL {
                    let mut reader = world.attach(&instance, Some(since)).await;
                    let stay = if n == 0 { ALL } else { 200 + 100 * n };
                    let until = ALL.min(heard + stay);
                    expect(&mut reader, heard..until).await;
                    heard = until;
                    since = id_of(&world, &instance, heard - 1);
                }
            })
        })
        .collect();
    let writing = tokio::spawn(async move {
        for n in 1000..ALL {
            say(&session, &format!("{n}")).await;
        }
    });
    writing.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

/// The id of the event of the message of that number.
fn id_of(world: &World, instance: &Instance, number: usize) -> EventId {
    let is_it = |body: &EventBody| matches!(body, EventBody::Message(message) if message.content.text() == number.to_string());
    world.store.events(instance.id).iter().find(|event| is_it(&event.body)).unwrap().id
}

#[tokio::test]
async fn whoever_reads_the_past_slowly_is_not_too_slow() {
    let (world, instance, session) = scene().await;
    let first = past(&world, &instance, 0..10_000).await;
    let mut reader = world.attach(&instance, Some(first)).await;
    for n in 1..10_000 {
        if n % 100 == 0 {
            world.clock.advance(Duration::from_secs(10));
            world.settle().await;
        }
        expect(&mut reader, n..n + 1).await;
    }
    for n in 10_000..10_100 {
        say(&session, &format!("{n}")).await;
    }
    expect(&mut reader, 10_000..10_100).await;
}

#[tokio::test]
async fn whoever_goes_away_while_catching_up_leaves_nothing_behind() {
    let (world, instance, session) = scene().await;
    let first = past(&world, &instance, 0..5000).await;
    let mut reader = world.attach(&instance, Some(first)).await;
    expect(&mut reader, 1..2).await;
    drop(reader);
    world.settle().await;
    for _ in 0..10 {
        say(&session, "afterwards").await;
    }
    let mut other = world.attach(&instance, None).await;
    say(&session, "for the other").await;
    assert_eq!(words(&mut other).await, "for the other");
    world.services.stop().await;
    while !matches!(other.next().await, Heard::Closed) {}
}
