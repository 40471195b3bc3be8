//! What a [`DeliveryQueue`](wharf_domain::ports::DeliveryQueue) promises of what becomes of deliveries, and of what
//! waits then.

use std::{collections::HashSet, time::Duration};

use wharf_domain::{
    delivery::{Delivery, DeliveryId, DeliveryState, Settlement, SinkLane, SinkRef},
    event::{EventId, NewEvent},
    instance::InstanceId,
    ports::{DeliveryFilter, Room},
    webhook::Webhook,
};

use super::setting::{events_of, in_lane, of_sink};
use crate::{Stores, build};

/// Makes a test of each thing a `DeliveryQueue` promises of settlements; a part of its contract.
#[doc(hidden)]
#[macro_export]
macro_rules! delivery_settlement_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(delivery_settlement, $stores, [$($attribute),*], [
            a_delivered_one_makes_way_for_the_next,
            a_dropped_one_makes_way_for_the_next,
            a_dead_letter_frees_its_lane_and_is_not_given_again,
            a_retry_waits_and_counts_an_attempt,
            a_postponed_one_waits_and_counts_no_attempt,
            settlements_of_what_is_gone_are_passed_over,
            what_is_settled_already_is_passed_over,
            what_a_delivery_has_waited_adds_up,
            a_settlement_tells_whether_something_waits_in_the_lane,
            a_run_that_is_settled_in_one_step_leaves_what_is_behind_it,
            what_is_left_of_a_run_waits,
            a_settlement_tells_of_the_lanes_of_each_sink,
            a_settlement_of_what_is_gone_tells_nothing,
            an_append_beside_a_settlement_strands_nothing,
            the_first_head_of_each_sink_is_told,
            what_waits_behind_a_head_is_no_head,
            the_heads_of_served_lanes_are_not_told,
            the_heads_of_disabled_sinks_are_not_told,
        ]);
    };
}

async fn with_sink(stores: &Stores) -> (InstanceId, Webhook) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    (instance, webhook)
}

/// Appends events and gives their ids.
async fn append(stores: &Stores, instance: InstanceId, events: &[NewEvent]) -> Vec<EventId> {
    stores.append(instance, events).await.into_iter().map(|appended| appended.id).collect()
}

/// What is due at the hundredth second, at most so many of a lane.
async fn due(stores: &Stores, per_lane: usize) -> Vec<Delivery> {
    stores.due(100, &Room::of(100, per_lane)).await
}

fn retry(seconds: i64) -> Settlement {
    build::retry(build::moment(seconds))
}

fn postponed(seconds: i64) -> Settlement {
    Settlement::Postponed { due: build::moment(seconds) }
}

fn lanes(deliveries: &[Delivery]) -> HashSet<SinkLane> {
    deliveries.iter().map(Delivery::sink_lane).collect()
}

/// The row is kept, but nobody is given it.
pub async fn a_delivered_one_makes_way_for_the_next(stores: &Stores) {
    makes_way_after(stores, build::delivered()).await;
}

/// The row is gone.
pub async fn a_dropped_one_makes_way_for_the_next(stores: &Stores) {
    makes_way_after(stores, Settlement::Dropped).await;
}

/// It is kept, but nobody is given it; what waited behind it goes on.
pub async fn a_dead_letter_frees_its_lane_and_is_not_given_again(stores: &Stores) {
    makes_way_after(stores, build::dead("status 410")).await;
}

async fn makes_way_after(stores: &Stores, settlement: Settlement) {
    let (instance, _) = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    for expected in events {
        let given = due(stores, 1).await;
        assert_eq!(events_of(&given), [expected]);
        stores.settle(&[(given[0].id, settlement.clone())]).await;
    }
    assert_eq!(stores.all_due().await, []);
    assert_eq!(stores.first_head().await, None);
    let after = append(stores, instance, &[in_lane(1, 2)]).await;
    assert_eq!(events_of(&due(stores, 10).await), after);
}

/// Until it is due again, and it stays the same delivery.
pub async fn a_retry_waits_and_counts_an_attempt(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let mut first: Option<DeliveryId> = None;
    for attempts in 0..3 {
        let due = 100 * i64::from(attempts);
        if attempts > 0 {
            assert_eq!(stores.due(due - 1, &Room::of(10, 10)).await, []);
        }
        let given = stores.due(due, &Room::of(10, 10)).await;
        assert_eq!(given[0].attempts, attempts);
        assert_eq!(given[0].id, *first.get_or_insert(given[0].id));
        stores.settle(&[(given[0].id, retry(due + 100))]).await;
    }
}

/// Until it is due again, as often as it has to be.
pub async fn a_postponed_one_waits_and_counts_no_attempt(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let given = stores.due(0, &Room::of(10, 10)).await;
    stores.settle(&[(given[0].id, retry(100))]).await;
    for round in 1..4 {
        let due = 100 * round;
        assert_eq!(stores.due(due - 1, &Room::of(10, 10)).await, []);
        let given = stores.due(due, &Room::of(10, 10)).await;
        assert_eq!(given[0].attempts, 1);
        stores.settle(&[(given[0].id, postponed(due + 100))]).await;
    }
    assert_eq!(stores.first_head().await, Some(build::moment(400)));
}

/// A removed webhook takes its deliveries along, also what is being tried.
pub async fn settlements_of_what_is_gone_are_passed_over(stores: &Stores) {
    let (instance, stays) = with_sink(stores).await;
    let gone = stores.with_webhook(instance, "gone").await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let given = due(stores, 10).await;
    assert_eq!(given.len(), 2);
    stores.webhooks.remove(instance, &gone.label).await.unwrap();
    let mut settlements: Vec<_> = given.iter().map(|one| (one.id, retry(0))).collect();
    settlements.push((DeliveryId(build::uuid()), build::delivered()));
    let lane = of_sink(&given, &stays)[0].sink_lane();
    assert_eq!(stores.settle(&settlements).await, [lane]);
    let again = due(stores, 10).await;
    assert_eq!(again.len(), 1);
    assert_eq!((of_sink(&again, &stays).len(), again[0].attempts), (1, 1));
}

/// So whoever does not know whether it was written can write it again: one attempt counts, and what was said first.
pub async fn what_is_settled_already_is_passed_over(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(2, 1), in_lane(3, 2)]).await;
    let given = due(stores, 10).await;
    let [delivered, dead, dropped] = [0, 1, 2].map(|index: usize| given[index].id);
    let settlements = [
        (delivered, build::delivered()),
        (dead, build::dead("status 400")),
        (dropped, Settlement::Dropped),
    ];
    stores.settle(&settlements).await;
    let list = async || {
        let filter = DeliveryFilter::default();
        stores.ledger.list(instance, &filter, 10).await.unwrap()
    };
    let before = list().await;
    let states: Vec<_> = before.iter().map(|one| (one.id, one.state, one.attempts)).collect();
    let expected = [(delivered, DeliveryState::Delivered, 1), (dead, DeliveryState::Dead, 1)];
    assert_eq!(states, expected);
    for settlement in
        [build::delivered(), build::dead("other"), retry(0), postponed(0), Settlement::Dropped]
    {
        let again = [delivered, dead, dropped].map(|id| (id, settlement.clone()));
        assert_eq!(stores.settle(&again).await, []);
        assert_eq!(list().await, before, "{settlement:?}");
        assert_eq!(stores.all_due().await, []);
    }
}

/// By the pauses that were counted, not by the time on the clock.
pub async fn what_a_delivery_has_waited_adds_up(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let first = due(stores, 10).await.remove(0);
    assert_eq!(first.waited, Duration::ZERO);
    let waited = async |settlement: Settlement| {
        stores.settle(&[(first.id, settlement)]).await;
        due(stores, 10).await[0].waited
    };
    for (pause, sum) in [(1_500, 1_500), (0, 1_500), (2_000, 3_500)] {
        let (due, pause) = (build::moment(100), Duration::from_millis(pause));
        let (status, reason) = (None, "no answer".to_owned());
        let sum = Duration::from_millis(sum);
        assert_eq!(waited(Settlement::Retry { due, pause, status, reason }).await, sum);
    }
    assert_eq!(waited(postponed(100)).await, Duration::from_millis(3_500));
}

/// Due or not: what is to be tried again, what is postponed, and what was behind the one that is done with.
pub async fn a_settlement_tells_whether_something_waits_in_the_lane(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    let settlements = [
        (build::delivered(), false),
        (build::dead("status 400"), false),
        (Settlement::Dropped, false),
        (retry(900), true),
        (postponed(900), true),
    ];
    for (person, (settlement, waits)) in (10..).step_by(2).zip(settlements) {
        let alone = append(stores, instance, &[in_lane(person, 0)]).await;
        let given = due(stores, 1).await;
        assert_eq!(events_of(&given), alone);
        let told = stores.settle(&[(given[0].id, settlement.clone())]).await;
        let lane = given[0].sink_lane();
        assert_eq!(told, if waits { vec![lane] } else { Vec::new() }, "{settlement:?}");

        let behind = [in_lane(person + 1, 0), in_lane(person + 1, 500)];
        append(stores, instance, &behind).await;
        let given = due(stores, 1).await;
        let told = stores.settle(&[(given[0].id, settlement.clone())]).await;
        assert_eq!(told, [given[0].sink_lane()], "{settlement:?}");
    }
}

/// Nothing, where it is all there is.
pub async fn a_run_that_is_settled_in_one_step_leaves_what_is_behind_it(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    let events: Vec<_> = [1, 1, 1, 2, 2, 2, 2].map(|person| in_lane(person, 0)).to_vec();
    let events = append(stores, instance, &events).await;
    let given = due(stores, 3).await;
    assert_eq!(events_of(&given), events[..6]);
    let delivered: Vec<_> = given.iter().map(|one| (one.id, build::delivered())).collect();
    assert_eq!(stores.settle(&delivered).await, [given[3].sink_lane()]);
    let last = due(stores, 3).await;
    assert_eq!(events_of(&last), events[6..]);
    assert_eq!(stores.settle(&[(last[0].id, Settlement::Dropped)]).await, []);
    assert_eq!(stores.all_due().await, []);
}

/// Each lane is told once, and the first that is left is its head.
pub async fn what_is_left_of_a_run_waits(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(1, 2)]).await;
    let given = due(stores, 3).await;
    let settlements = [
        (given[0].id, build::dead("status 400")),
        (given[1].id, retry(500)),
        (given[2].id, postponed(300)),
    ];
    assert_eq!(stores.settle(&settlements).await, [given[0].sink_lane()]);
    let sink = SinkRef::Webhook(webhook.id);
    assert_eq!(stores.heads(&HashSet::new()).await, [(sink, build::moment(500))]);
    assert_eq!(stores.due(499, &Room::of(10, 10)).await, []);
    assert_eq!(events_of(&stores.due(500, &Room::of(10, 10)).await), events[1..]);
}

/// Though they have the same names.
pub async fn a_settlement_tells_of_the_lanes_of_each_sink(stores: &Stores) {
    let (instance, quick) = with_sink(stores).await;
    let slow = stores.with_webhook(instance, "slow").await;
    append(stores, instance, &[in_lane(1, 0), in_lane(2, 0)]).await;
    let given = due(stores, 1).await;
    let (quick, slow) = (of_sink(&given, &quick), of_sink(&given, &slow));
    assert_eq!((quick.len(), slow.len()), (2, 2));
    let mut settlements: Vec<_> = quick.iter().map(|one| (one.id, build::delivered())).collect();
    settlements.extend(slow.iter().map(|one| (one.id, retry(900))));
    let mut expected: Vec<_> = slow.iter().map(Delivery::sink_lane).collect();
    expected.sort();
    assert_eq!(stores.settle(&settlements).await, expected);
}

/// Whatever waits in its lane, and it changes nothing there.
pub async fn a_settlement_of_what_is_gone_tells_nothing(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(2, 2)]).await;
    let given = due(stores, 1).await;
    let (first, other) = (&given[0], &given[1]);
    assert_eq!(stores.settle(&[(first.id, build::delivered())]).await, [first.sink_lane()]);
    let next = due(stores, 1).await;
    for settlement in [build::delivered(), Settlement::Dropped, retry(900), build::dead("no")] {
        assert_eq!(stores.settle(&[(first.id, settlement.clone())]).await, []);
        let postponed = (other.id, postponed(50));
        let told = stores.settle(&[(first.id, settlement), postponed]).await;
        assert_eq!(told, [other.sink_lane()]);
        assert_eq!(due(stores, 1).await, next);
    }
}

/// A lane may get its next event just when its last one is settled: whichever is first, the next has its turn.
pub async fn an_append_beside_a_settlement_strands_nothing(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    for _ in 0..60 {
        let given = due(stores, 10).await;
        assert_eq!(given.len(), 1, "the event of the last round has its turn");
        let events = stores.events.clone();
        let appending =
            tokio::spawn(async move { events.append(instance, &[in_lane(1, 0)]).await.unwrap() });
        stores.settle(&[(given[0].id, build::delivered())]).await;
        appending.await.unwrap();
    }
}

/// Of all its lanes, due or not, and of each sink its own.
pub async fn the_first_head_of_each_sink_is_told(stores: &Stores) {
    let (one, first) = with_sink(stores).await;
    let other = stores.with_instance("other").await.id;
    let second = stores.with_webhook(other, "crm").await;
    // Nothing waits there.
    stores.with_webhook(stores.with_instance("idle").await.id, "crm").await;
    append(stores, one, &[in_lane(1, 70), in_lane(2, 60), in_lane(3, 80)]).await;
    append(stores, other, &[in_lane(1, 10_000)]).await;
    let told = async || stores.heads(&HashSet::new()).await;
    let heads = |seconds: [i64; 2]| {
        let sinks = [&first, &second].map(|webhook| SinkRef::Webhook(webhook.id));
        let heads = sinks.into_iter().zip(seconds.map(build::moment));
        let mut heads: Vec<_> = heads.collect();
        heads.sort();
        heads
    };
    assert_eq!(told().await, heads([60, 10_000]));
    let given = due(stores, 10).await;
    stores.settle(&[(given[0].id, retry(75))]).await;
    assert_eq!(told().await, heads([70, 10_000]));
    stores.settle(&[(given[1].id, build::delivered())]).await;
    assert_eq!(told().await, heads([75, 10_000]));
}

/// Though it has been due for longer, until its turn comes.
pub async fn what_waits_behind_a_head_is_no_head(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let sink = SinkRef::Webhook(webhook.id);
    append(stores, instance, &[in_lane(1, 50), in_lane(1, 10)]).await;
    let head = async || stores.heads(&HashSet::new()).await;
    assert_eq!(head().await, [(sink, build::moment(50))]);
    let given = due(stores, 1).await;
    stores.settle(&[(given[0].id, retry(65))]).await;
    assert_eq!(head().await, [(sink, build::moment(65))]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(head().await, [(sink, build::moment(10))]);
}

/// But that of the next lane, if there is one.
pub async fn the_heads_of_served_lanes_are_not_told(stores: &Stores) {
    let (instance, first) = with_sink(stores).await;
    let events: Vec<_> = (1..=40).map(|person| in_lane(person, i64::from(person))).collect();
    append(stores, instance, &events).await;
    let mut served = stores.all_due().await;
    assert_eq!(served.len(), 40);
    let second = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 41), in_lane(50, 90)]).await;
    // Of the first sink a lane is left that is not served; of the other nothing is.
    let [first, second] = [&first, &second].map(|webhook| SinkRef::Webhook(webhook.id));
    let mut expected = [(first, build::moment(90)), (second, build::moment(41))];
    expected.sort();
    assert_eq!(stores.heads(&lanes(&served)).await, expected);
    let newest = |one: &Delivery| one.event.recorded_at == build::moment(90);
    served.extend(stores.all_due().await.into_iter().filter(newest));
    assert_eq!(stores.heads(&lanes(&served)).await, [(second, build::moment(41))]);
    stores.settle(&[(served[0].id, build::delivered())]).await;
    assert_eq!(stores.heads(&lanes(&served)).await, [(second, build::moment(41))]);
    let free = lanes(&served[1..]);
    let mut expected = [(first, build::moment(41)), (second, build::moment(41))];
    expected.sort();
    assert_eq!(stores.heads(&free).await, expected);
    assert_eq!(stores.heads(&lanes(&stores.all_due().await)).await, []);
}

/// Nothing of them is due, until they are enabled again.
pub async fn the_heads_of_disabled_sinks_are_not_told(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let other = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 5), in_lane(2, 6)]).await;
    let served = lanes(&stores.due(5, &Room::of(10, 10)).await);
    assert_eq!(served.len(), 2);
    let off = Webhook { target: None, ..webhook.clone() };
    stores.webhooks.upsert(instance, &off, build::moment(0)).await.unwrap();
    let other = SinkRef::Webhook(other.id);
    assert_eq!(stores.heads(&HashSet::new()).await, [(other, build::moment(5))]);
    assert_eq!(stores.heads(&served).await, [(other, build::moment(6))]);
    stores.webhooks.upsert(instance, &webhook, build::moment(0)).await.unwrap();
    let mut expected = [other, SinkRef::Webhook(webhook.id)].map(|sink| (sink, build::moment(5)));
    expected.sort();
    assert_eq!(stores.heads(&HashSet::new()).await, expected);
}
