//! What an [`EventLog`](wharf_domain::ports::EventLog) promises to keep, and for how long.

use wharf_domain::{
    delivery::{DeliveryState, Replay, Settlement},
    event::{Event, NewEvent},
    instance::InstanceId,
    ports::{DeliveryFilter, EventRetention, LogStart, Pruned},
    webhook::Webhook,
};

use super::setting::of_sink;
use crate::{Stores, build};

/// Makes a test of each thing an `EventLog` promises of how long it keeps what.
#[macro_export]
macro_rules! event_retention_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(event_retention, $stores, [$($attribute),*], [
            old_events_go_and_young_ones_stay,
            nothing_goes_without_a_limit,
            pruning_the_log_is_bounded,
            the_key_of_an_event_goes_with_it,
            an_event_stays_while_it_is_to_be_delivered,
            an_event_stays_while_it_is_held,
            an_event_waits_for_all_its_sinks,
            what_is_queued_once_more_stays,
            what_is_known_of_deliveries_goes_with_their_event,
            what_had_to_stay_goes_once_it_may,
            the_oldest_go_while_the_log_is_too_large,
            what_has_to_stay_counts_and_others_go,
            a_repeated_event_takes_no_room,
            an_old_event_stays_with_its_dead_letter,
            old_dead_letters_go_with_their_events,
            the_event_of_a_dead_letter_stays_while_another_sink_waits,
            the_oldest_dead_letters_go_while_they_are_too_large,
        ]);
    };
}

fn at(seconds: i64) -> NewEvent {
    NewEvent { recorded_at: build::moment(seconds), ..build::state_event() }
}

/// An event of a little more than 10,000 bytes.
fn large(seconds: i64) -> NewEvent {
    let text = "x".repeat(10_000);
    let event = build::message_event(build::incoming(&build::phone("5511999990001"), &text));
    NewEvent { recorded_at: build::moment(seconds), ..event }
}

fn before(seconds: i64) -> EventRetention {
    EventRetention { before: Some(build::moment(seconds)), ..EventRetention::default() }
}

fn dead_before(seconds: i64) -> EventRetention {
    EventRetention { dead_before: Some(build::moment(seconds)), ..EventRetention::default() }
}

fn max_bytes(bytes: u64) -> EventRetention {
    EventRetention { max_bytes: Some(bytes), ..EventRetention::default() }
}

fn events(events: u64) -> Pruned {
    Pruned { events, dead_letters: 0 }
}

async fn prune(stores: &Stores, keep: &EventRetention) -> Pruned {
    stores.events.prune(keep, 1_000).await.unwrap()
}

async fn left(stores: &Stores, instance: InstanceId) -> Vec<Event> {
    stores.events.read(instance, LogStart::Oldest, 1_000).await.unwrap()
}

/// When what is left was recorded, in seconds after the beginning.
async fn seconds_left(stores: &Stores, instance: InstanceId) -> Vec<i64> {
    let left = left(stores, instance).await;
    left.iter().map(|event| (event.recorded_at - build::moment(0)).num_seconds()).collect()
}

async fn with_sink(stores: &Stores) -> (InstanceId, Webhook) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    (instance, webhook)
}

/// Settles everything that is due that way.
async fn settle_all(stores: &Stores, settlement: &Settlement) {
    let given = stores.all_due().await;
    let settled: Vec<_> = given.iter().map(|one| (one.id, settlement.clone())).collect();
    stores.settle(&settled).await;
}

/// The boundary stays.
pub async fn old_events_go_and_young_ones_stay(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.append(instance, &[at(11), at(9), at(10)]).await;
    assert_eq!(prune(stores, &before(10)).await, events(1));
    assert_eq!(seconds_left(stores, instance).await, [11, 10]);
    assert_eq!(prune(stores, &before(10)).await, events(0));
}

/// However old or large it is.
pub async fn nothing_goes_without_a_limit(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[at(-1_000_000_000), large(0)]).await;
    settle_all(stores, &build::dead("no")).await;
    assert_eq!(prune(stores, &EventRetention::default()).await, events(0));
    assert_eq!(left(stores, instance).await.len(), 2);
}

/// The oldest go first, whichever instance's they are.
pub async fn pruning_the_log_is_bounded(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    stores.append(one, &[at(1), at(4), at(5)]).await;
    stores.append(other, &[at(2), at(3)]).await;
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(stores.events.prune(&before(100), 2).await.unwrap().events);
        if gone.len() == 1 {
            assert_eq!(seconds_left(stores, one).await, [4, 5]);
            assert_eq!(seconds_left(stores, other).await, [3]);
        }
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

/// Should WhatsApp deliver it again, it is new.
pub async fn the_key_of_an_event_goes_with_it(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let event = large(0);
    stores.append_one(instance, event.clone()).await;
    assert_eq!(prune(stores, &before(10)).await, events(1));
    let again = NewEvent { id: build::state_event().id, ..event };
    assert!(stores.append_one(instance, again).await.is_new);
}

/// Waiting, or about to be tried again.
pub async fn an_event_stays_while_it_is_to_be_delivered(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append_one(instance, at(0)).await;
    let keep = EventRetention { max_bytes: Some(0), ..before(100) };
    assert_eq!(prune(stores, &keep).await, events(0));
    let given = stores.all_due().await;
    let retry = [(given[0].id, build::retry(build::moment(0)))];
    stores.settle(&retry).await;
    assert_eq!(prune(stores, &keep).await, events(0));
    settle_all(stores, &build::delivered()).await;
    assert_eq!(prune(stores, &keep).await, events(1));
}

/// Until its webhook is enabled, or gone, or what waits for it is dropped.
pub async fn an_event_stays_while_it_is_held(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    stores.append(instance, &[at(0), at(1)]).await;
    let off = Webhook { target: None, ..webhook.clone() };
    stores.webhooks.upsert(instance, &off, build::moment(0)).await.unwrap();
    let keep = EventRetention { max_bytes: Some(0), ..before(100) };
    assert_eq!(prune(stores, &keep).await, events(0));
    let dropped = stores.ledger.discard(instance, webhook.id, DeliveryState::Held, 1).await;
    assert_eq!(dropped.unwrap(), 1);
    assert_eq!(prune(stores, &keep).await, events(1));
    assert!(stores.webhooks.remove(instance, &webhook.label).await.unwrap());
    assert_eq!(prune(stores, &keep).await, events(1));
}

/// One has it, the other is slow.
pub async fn an_event_waits_for_all_its_sinks(stores: &Stores) {
    let (instance, quick) = with_sink(stores).await;
    let slow = stores.with_webhook(instance, "slow").await;
    stores.append_one(instance, at(0)).await;
    let given = stores.all_due().await;
    for sink in [quick, slow] {
        assert_eq!(prune(stores, &before(100)).await, events(0));
        let delivered = [(of_sink(&given, &sink)[0].id, build::delivered())];
        stores.settle(&delivered).await;
    }
    assert_eq!(prune(stores, &before(100)).await, events(1));
}

/// Until it has been delivered once more.
pub async fn what_is_queued_once_more_stays(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let event = at(0);
    stores.append_one(instance, event.clone()).await;
    settle_all(stores, &build::delivered()).await;
    let replay = Replay::Events(vec![event.id]);
    let now = build::moment(5);
    let queued = stores.ledger.requeue(instance, webhook.id, &replay, 0, 10, now).await.unwrap();
    assert_eq!(queued.queued, 1);
    assert_eq!(prune(stores, &before(100)).await, events(0));
    settle_all(stores, &build::delivered()).await;
    assert_eq!(prune(stores, &before(100)).await, events(1));
}

/// Nobody is told of a delivery of nothing.
pub async fn what_is_known_of_deliveries_goes_with_their_event(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[at(0), at(50)]).await;
    settle_all(stores, &build::delivered()).await;
    let list = async || {
        let filter = DeliveryFilter::default();
        stores.ledger.list(instance, &filter, 10).await.unwrap().len()
    };
    assert_eq!(list().await, 2);
    assert_eq!(prune(stores, &before(10)).await, events(1));
    assert_eq!(list().await, 1);
}

/// Also when younger ones went before it, a few at a time.
pub async fn what_had_to_stay_goes_once_it_may(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[at(0), at(1), at(2), at(3)]).await;
    let given = stores.all_due().await;
    let delivered: Vec<_> = given[1..].iter().map(|one| (one.id, build::delivered())).collect();
    stores.settle(&delivered).await;
    let step = async || stores.events.prune(&before(100), 2).await.unwrap().events;
    assert_eq!(step().await, 2);
    let delivered = [(given[0].id, build::delivered())];
    stores.settle(&delivered).await;
    assert_eq!(step().await + step().await, 2);
    assert_eq!(step().await, 0);
}

/// No more than has to.
pub async fn the_oldest_go_while_the_log_is_too_large(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    stores.append(one, &[large(1), large(4), large(5)]).await;
    stores.append(other, &[large(2), large(3)]).await;
    assert_eq!(prune(stores, &max_bytes(60_000)).await, events(0));
    assert_eq!(prune(stores, &max_bytes(25_000)).await, events(3));
    assert_eq!(seconds_left(stores, one).await, [4, 5]);
    assert_eq!(prune(stores, &max_bytes(25_000)).await, events(0));
    stores.append_one(one, large(6)).await;
    assert_eq!(prune(stores, &max_bytes(25_000)).await, events(1));
    assert_eq!(seconds_left(stores, one).await, [5, 6]);
}

/// Room is made by what may go, though it is younger.
pub async fn what_has_to_stay_counts_and_others_go(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[large(1), large(2)]).await;
    let other = stores.with_instance("other").await.id;
    stores.append(other, &[large(3), large(4), large(5)]).await;
    assert_eq!(prune(stores, &max_bytes(35_000)).await, events(2));
    assert_eq!(seconds_left(stores, instance).await, [1, 2]);
    assert_eq!(seconds_left(stores, other).await, [5]);
    // What has to stay is too large by itself.
    assert_eq!(prune(stores, &max_bytes(5_000)).await, events(1));
    assert_eq!(seconds_left(stores, instance).await, [1, 2]);
}

/// However often WhatsApp delivers it.
pub async fn a_repeated_event_takes_no_room(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let event = large(0);
    for _ in 0..3 {
        let again = || NewEvent { id: build::state_event().id, ..event.clone() };
        stores.append(instance, &[again(), again()]).await;
    }
    assert_eq!(prune(stores, &max_bytes(15_000)).await, events(0));
}

/// It is kept as long as that is.
pub async fn an_old_event_stays_with_its_dead_letter(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append_one(instance, at(0)).await;
    settle_all(stores, &build::dead("no")).await;
    let keep =
        EventRetention { max_bytes: Some(0), dead_before: Some(build::moment(0)), ..before(100) };
    assert_eq!(prune(stores, &keep).await, events(0));
    assert_eq!(left(stores, instance).await.len(), 1);
}

/// The boundary stays, and how long other events are kept does not matter.
pub async fn old_dead_letters_go_with_their_events(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[at(9), at(10), at(8)]).await;
    settle_all(stores, &build::dead("no")).await;
    let step = async || stores.events.prune(&dead_before(10), 1).await.unwrap();
    assert_eq!(step().await, Pruned { events: 1, dead_letters: 1 });
    assert_eq!(seconds_left(stores, instance).await, [9, 10]);
    assert_eq!(step().await, Pruned { events: 1, dead_letters: 1 });
    assert_eq!(step().await, events(0));
    assert_eq!(seconds_left(stores, instance).await, [10]);
}

/// The dead letter goes all the same.
pub async fn the_event_of_a_dead_letter_stays_while_another_sink_waits(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    stores.with_webhook(instance, "slow").await;
    stores.append_one(instance, at(0)).await;
    let given = stores.all_due().await;
    let dead = [(of_sink(&given, &webhook)[0].id, build::dead("no"))];
    stores.settle(&dead).await;
    assert_eq!(prune(stores, &dead_before(10)).await, Pruned { events: 0, dead_letters: 1 });
    assert_eq!(left(stores, instance).await.len(), 1);
}

/// No more than has to, and with their events.
pub async fn the_oldest_dead_letters_go_while_they_are_too_large(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.append(instance, &[large(3), large(1), large(2)]).await;
    settle_all(stores, &build::dead("no")).await;
    stores.append_one(instance, large(0)).await;
    settle_all(stores, &build::delivered()).await;
    let keep = |bytes| EventRetention { dead_max_bytes: Some(bytes), ..EventRetention::default() };
    assert_eq!(prune(stores, &keep(35_000)).await, events(0));
    assert_eq!(prune(stores, &keep(15_000)).await, Pruned { events: 2, dead_letters: 2 });
    assert_eq!(seconds_left(stores, instance).await, [3, 0]);
    assert_eq!(prune(stores, &keep(15_000)).await, events(0));
}
