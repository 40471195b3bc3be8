//! The log, as callers read it.

use wharf_domain::{
    address::Jid,
    event::{EventBody, EventId},
    instance::Instance,
    ports::{EventLog as _, LogStart},
};
use wharf_testkit::build;

use crate::World;

/// An instance in whose log are so many messages.
async fn with_events(count: usize) -> (World, Instance, Vec<EventId>) {
    let world = World::new().await;
    let instance = world.instance("sales").await;
    let from = Jid::parse("123@lid").unwrap();
    let events: Vec<_> =
        (0..count).map(|_| build::message_event(build::incoming(&from, "hello"))).collect();
    world.store.append(instance.id, &events).await.unwrap();
    let ids = world.store.events(instance.id).iter().map(|event| event.id).collect();
    (world, instance, ids)
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_and_end() {
    let (world, instance, recorded) = with_events(7).await;
    let (mut read, mut from, mut sizes) = (Vec::new(), LogStart::Oldest, Vec::new());
    loop {
        let page = world.services.log.page(instance.id, from, 3).await.unwrap();
        sizes.push(page.events.len());
        read.extend(page.events.iter().map(|event| event.id));
        match page.next {
            Some(next) => from = LogStart::AfterEvent(next),
            None => break,
        }
    }
    assert_eq!((read, sizes), (recorded, vec![3, 3, 1]));
}

#[tokio::test]
async fn a_full_page_is_not_followed_by_an_empty_one() {
    let (world, instance, _) = with_events(3).await;
    let page = world.services.log.page(instance.id, LogStart::Oldest, 3).await.unwrap();
    assert_eq!((page.events.len(), page.next), (3, None));
}

#[tokio::test]
async fn people_are_told_by_their_phone_once_it_is_known() {
    let (world, instance, _) = with_events(1).await;
    let (lid, phone) = (Jid::parse("123@lid").unwrap(), build::phone("5511999990001"));
    for expected in [&lid, &phone] {
        let page = world.services.log.page(instance.id, LogStart::Oldest, 10).await.unwrap();
        let EventBody::Message(message) = &page.events[0].body else { panic!("no message") };
        assert_eq!(message.sender.jid, *expected);
        world.whatsapp.learn_phone(instance.id, &lid, &phone);
    }
}
