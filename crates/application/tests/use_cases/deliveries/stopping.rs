//! A stop that is meant: nothing is lost by it, and nothing is delivered twice because of it.

use std::{collections::BTreeSet, time::Duration};

use wharf_domain::{
    event::EventId,
    ports::{DeliveryQueue as _, Room},
};
use wharf_testkit::build;

use super::shares::{Crowd, Manner, come_to_rest};
use crate::{LONG, World};

/// Eight chats with three messages each, of which the first are being delivered.
async fn busy() -> Crowd {
    let crowd = Crowd::with(Manner::Mute).await;
    for _ in 0..3 {
        crowd.record(&crowd.odd, 0..8).await;
    }
    crowd.start().await;
    crowd.receivers.until_tried(8).await;
    crowd
}

fn delivered(world: &World) -> Vec<EventId> {
    world.sink.delivered().iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_the_rest_delivered_after_the_start_once() {
    let crowd = busy().await;
    let services = crowd.world.services.clone();
    let stop = tokio::spawn(async move { services.stop().await });
    come_to_rest().await;
    assert!(!stop.is_finished());
    crowd.behave(Manner::Prompt);
    stop.await.unwrap();
    assert_eq!((crowd.receivers.tried(), crowd.world.store.undelivered()), (8, 16));

    let after = World::on(crowd.world.store.clone(), crowd.world.whatsapp.clone()).await;
    after.services.start().await.unwrap();
    after.eventually("16 more", |after| after.sink.delivered().len() >= 16).await;
    after.settle().await;
    let all: Vec<_> = [delivered(&crowd.world), delivered(&after)].concat();
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (24, 24));
}

#[tokio::test]
async fn what_takes_too_long_is_given_back_for_the_next_start() {
    let crowd = busy().await;
    let services = crowd.world.services.clone();
    let stop = tokio::spawn(async move { services.stop().await });
    come_to_rest().await;
    crowd.world.clock.advance(Duration::from_secs(19));
    come_to_rest().await;
    assert!(!stop.is_finished());
    crowd.world.clock.advance(Duration::from_secs(1));
    stop.await.unwrap();
    // Everything waits, and no attempt was counted.
    let room = Room::of(100, 100);
    let left = crowd.world.store.due(build::moment(86_400), &room).await.unwrap();
    assert_eq!(left.len(), 24);
    assert!(left.iter().all(|delivery| delivery.attempts == 0));
}

#[tokio::test]
async fn on_hold_nothing_new_is_begun_while_what_is_under_way_goes_on() {
    let crowd = busy().await;
    crowd.world.services.hold();
    crowd.behave(Manner::Prompt);
    crowd.until_delivered_to(&crowd.odd, 8).await;
    crowd.record(&crowd.other, 0..1).await;
    crowd.world.clock.advance(LONG);
    come_to_rest().await;
    assert_eq!((crowd.receivers.tried(), crowd.delivered_to(&crowd.other)), (8, 0));
}

#[tokio::test]
async fn what_was_delivered_is_written_down_although_the_store_fails_for_a_moment() {
    let crowd = busy().await;
    let services = crowd.world.services.clone();
    let stop = tokio::spawn(async move { services.stop().await });
    come_to_rest().await;
    crowd.world.store.set_failing(true);
    crowd.behave(Manner::Prompt);
    come_to_rest().await;
    assert!(!stop.is_finished());
    crowd.world.store.set_failing(false);
    crowd.world.clock.advance(Duration::from_secs(1));
    stop.await.unwrap();
    assert_eq!((delivered(&crowd.world).len(), crowd.world.store.undelivered()), (8, 16));
}

#[tokio::test]
async fn what_was_never_started_can_be_stopped() {
    World::new().await.services.stop().await;
}
