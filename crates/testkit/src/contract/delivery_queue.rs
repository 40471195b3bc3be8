//! What a [`DeliveryQueue`](wharf_domain::ports::DeliveryQueue) promises.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use wharf_domain::{
    Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkRef},
    event::{EventId, NewEvent},
    instance::InstanceId,
    ports::{ReceiverId, Room},
    webhook::Webhook,
};

use super::setting::{at_once, of_sink};
use crate::{Stores, build};

/// Makes a test of each thing a `DeliveryQueue` promises.
#[macro_export]
macro_rules! delivery_queue_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(delivery_queue, $stores, [$($attribute),*], [
            an_empty_queue_gives_nothing,
            a_claimed_delivery_is_for_nobody_else,
            concurrent_claims_share_nothing,
            a_lane_is_given_in_order,
            a_lane_gives_at_most_a_run_of_the_given_length,
            a_claim_takes_at_most_so_many_lanes,
            a_claim_takes_at_most_so_many_lanes_of_a_sink,
            a_sink_without_room_gives_nothing_and_holds_up_nobody,
            the_next_due_is_of_a_sink_there_is_room_for,
            a_lane_of_which_something_is_claimed_gives_nothing,
            a_lane_waits_for_all_that_was_claimed_of_it,
            a_head_that_is_not_due_holds_back_its_lane_alone,
            a_run_ends_before_what_is_not_due,
            sinks_do_not_wait_for_each_other,
            instances_do_not_wait_for_each_other,
            lanes_whose_head_has_waited_longest_come_first,
            a_delivered_one_makes_way_for_the_next,
            a_dropped_one_makes_way_for_the_next,
            a_dead_letter_frees_its_lane_and_is_not_given_again,
            a_retry_waits_and_counts_an_attempt,
            a_postponed_one_waits_and_counts_no_attempt,
            settlements_of_what_is_gone_are_passed_over,
            what_is_not_claimed_cannot_be_settled,
            a_released_delivery_is_as_it_was,
            what_is_appended_while_its_lane_is_claimed_comes_after,
            a_crash_gives_everything_back,
            the_next_due_is_that_of_a_head,
            an_append_beside_a_settlement_strands_nothing,
            receivers_have_no_more_lanes_than_there_is_room_for,
            what_a_delivery_has_waited_adds_up,
            what_waits_for_a_disabled_webhook_is_held_until_it_is_enabled,
            what_is_held_keeps_nobody_else_waiting,
            another_receiver_is_tried_at_once,
            what_is_given_back_to_a_disabled_webhook_is_held,
        ]);
    };
}

/// An event in the lane of the chat with one of a few people, recorded so many seconds after the start.
fn in_lane(person: u8, seconds: i64) -> NewEvent {
    let from = build::phone(&format!("551199999000{person}"));
    let recorded_at = build::moment(seconds);
    NewEvent { recorded_at, ..build::message_event(build::incoming(&from, "hi")) }
}

async fn with_sink(stores: &Stores) -> InstanceId {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    instance
}

/// The same for an instance of its own.
async fn with_sink_of(stores: &Stores) -> InstanceId {
    let instance = stores.with_instance("other").await.id;
    stores.with_webhook(instance, "crm").await;
    instance
}

/// Appends events and gives their ids.
async fn append(stores: &Stores, instance: InstanceId, events: &[NewEvent]) -> Vec<EventId> {
    stores.append(instance, events).await.into_iter().map(|appended| appended.id).collect()
}

async fn claim(stores: &Stores, seconds: i64, lanes: usize, per_lane: usize) -> Vec<Delivery> {
    claim_with(stores, seconds, &Room::of(lanes, per_lane)).await
}

async fn claim_with(stores: &Stores, seconds: i64, room: &Room) -> Vec<Delivery> {
    stores.deliveries.claim(build::moment(seconds), room).await.unwrap()
}

async fn next_due(stores: &Stores) -> Option<Timestamp> {
    stores.deliveries.next_due(&Room::of(10, 10)).await.unwrap()
}

/// Room for two lanes of each sink, but for as many of one as given.
fn room_but(webhook: &Webhook, lanes: usize) -> Room {
    let sinks = HashMap::from([(SinkRef::Webhook(webhook.id), lanes)]);
    Room { per_sink: 2, sinks, ..Room::of(5, 10) }
}

fn ids(deliveries: &[Delivery]) -> Vec<EventId> {
    deliveries.iter().map(|delivery| delivery.event.id).collect()
}

async fn settle(stores: &Stores, delivery: &Delivery, settlement: Settlement) {
    stores.deliveries.settle(&[(delivery.id, settlement)]).await.unwrap();
}

fn retry(seconds: i64) -> Settlement {
    build::retry(build::moment(seconds))
}

/// And no error.
pub async fn an_empty_queue_gives_nothing(stores: &Stores) {
    assert_eq!(claim(stores, 100, 10, 10).await, []);
    assert_eq!(next_due(stores).await, None);
    assert_eq!(stores.deliveries.release_all().await.unwrap(), 0);
    stores.deliveries.settle(&[]).await.unwrap();
    stores.deliveries.release(&[]).await.unwrap();
}

/// Until it is settled or released.
pub async fn a_claimed_delivery_is_for_nobody_else(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(2, 0)]).await;
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), events);
    assert_eq!(claim(stores, 200, 10, 10).await, []);
}

/// Each delivery goes to one of those who ask at once.
pub async fn concurrent_claims_share_nothing(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = (0..40).map(|index| in_lane(index % 8, 0)).collect();
    let events = append(stores, instance, &events).await;
    let mut given = Vec::new();
    // Whoever finds all heads taken gives up, so it may take more than one round.
    for _ in 0..events.len() {
        let claims = at_once(4, |_| {
            let deliveries = stores.deliveries.clone();
            async move { deliveries.claim(build::moment(100), &Room::of(10, 2)).await.unwrap() }
        })
        .await;
        let round: Vec<_> = claims.into_iter().flatten().collect();
        if round.is_empty() {
            break;
        }
        let delivered: Vec<_> = round.iter().map(|one| (one.id, build::delivered())).collect();
        stores.deliveries.settle(&delivered).await.unwrap();
        given.extend(round);
    }
    assert_eq!(given.len(), events.len());
    let distinct: HashSet<_> = given.iter().map(|delivery| delivery.id).collect();
    assert_eq!(distinct.len(), events.len());
}

/// By sequence, whatever the time at which something was recorded.
pub async fn a_lane_is_given_in_order(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = [5, 3, 9, 1].map(|seconds| in_lane(1, seconds)).to_vec();
    let mut expected = append(stores, instance, &events).await;
    expected.extend(append(stores, instance, &[in_lane(1, 0)]).await);
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), expected);
}

/// From its head.
pub async fn a_lane_gives_at_most_a_run_of_the_given_length(stores: &Stores) {
    let instance = with_sink(stores).await;
    let first = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(1, 2)]).await;
    let second = append(stores, instance, &[in_lane(2, 3), in_lane(2, 4), in_lane(2, 5)]).await;
    let claimed = claim(stores, 100, 10, 2).await;
    assert_eq!(ids(&claimed), [first[0], first[1], second[0], second[1]]);
    for delivery in &claimed {
        settle(stores, delivery, build::delivered()).await;
    }
    assert_eq!(ids(&claim(stores, 100, 10, 2).await), [first[2], second[2]]);
}

/// In all, each with its run, and what is left is given to the next.
pub async fn a_claim_takes_at_most_so_many_lanes(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, i64::from(person))).collect();
    let events = append(stores, instance, &events).await;
    let second = append(stores, instance, &[in_lane(1, 10)]).await;
    let first = claim(stores, 100, 4, 10).await;
    assert_eq!(ids(&first), [&events[..1], &second[..], &events[1..4]].concat());
    assert_eq!(ids(&claim(stores, 100, 4, 10).await), events[4..8]);
    assert_eq!(claim(stores, 100, 0, 10).await, []);
    assert_eq!(claim(stores, 100, 4, 0).await, []);
    assert_eq!(ids(&claim(stores, 100, 4, 10).await), events[8..]);
}

/// Those whose head has waited longest; the lanes of other sinks come after them.
pub async fn a_claim_takes_at_most_so_many_lanes_of_a_sink(stores: &Stores) {
    let (crowded, other) = (stores.with_instance("sales").await.id, with_sink_of(stores).await);
    let webhook = stores.with_webhook(crowded, "crm").await;
    let events: Vec<_> = (1..=5).map(|person| in_lane(person, i64::from(person))).collect();
    let events = append(stores, crowded, &events).await;
    let late = append(stores, other, &[in_lane(1, 50), in_lane(2, 51)]).await;
    let one = claim_with(stores, 100, &room_but(&webhook, 1)).await;
    assert_eq!(ids(&one), [events[0], late[0], late[1]]);
    assert_eq!(ids(&claim_with(stores, 100, &room_but(&webhook, 2)).await), events[1..3]);
    assert_eq!(ids(&claim_with(stores, 100, &room_but(&webhook, 9)).await), events[3..]);
}

/// However long its lanes have waited.
pub async fn a_sink_without_room_gives_nothing_and_holds_up_nobody(stores: &Stores) {
    let (full, other) = (stores.with_instance("sales").await.id, with_sink_of(stores).await);
    let webhook = stores.with_webhook(full, "crm").await;
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, 0)).collect();
    append(stores, full, &events).await;
    let late = append(stores, other, &[in_lane(1, 50)]).await;
    assert_eq!(ids(&claim_with(stores, 100, &room_but(&webhook, 0)).await), late);
    assert_eq!(claim_with(stores, 100, &room_but(&webhook, 0)).await, []);
}

/// What a full sink has does not count, however long it has been due.
pub async fn the_next_due_is_of_a_sink_there_is_room_for(stores: &Stores) {
    let (full, other) = (stores.with_instance("sales").await.id, with_sink_of(stores).await);
    let webhook = stores.with_webhook(full, "crm").await;
    append(stores, full, &[in_lane(1, 10)]).await;
    let next_due = async |room| stores.deliveries.next_due(&room).await.unwrap();
    assert_eq!(next_due(room_but(&webhook, 0)).await, None);
    append(stores, other, &[in_lane(1, 50)]).await;
    assert_eq!(next_due(room_but(&webhook, 0)).await, Some(build::moment(50)));
    assert_eq!(next_due(room_but(&webhook, 1)).await, Some(build::moment(10)));
    assert_eq!(next_due(Room::of(0, 10)).await, None);
}

/// However much of it is due.
pub async fn a_lane_of_which_something_is_claimed_gives_nothing(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 0)]).await;
    assert_eq!(claim(stores, 100, 10, 1).await.len(), 1);
    append(stores, instance, &[in_lane(1, 0)]).await;
    let free = append(stores, instance, &[in_lane(2, 0)]).await;
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), free);
}

/// One settlement of a run does not open the lane.
pub async fn a_lane_waits_for_all_that_was_claimed_of_it(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 0), in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 2).await;
    settle(stores, &claimed[0], retry(0)).await;
    assert_eq!(claim(stores, 100, 10, 10).await, []);
    assert_eq!(next_due(stores).await, None);
    stores.deliveries.release(&[claimed[1].id]).await.unwrap();
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), events);
}

/// A failing event holds back its own lane and nothing else.
pub async fn a_head_that_is_not_due_holds_back_its_lane_alone(stores: &Stores) {
    let instance = with_sink(stores).await;
    let held = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let claimed = claim(stores, 100, 10, 1).await;
    settle(stores, &claimed[0], retry(500)).await;
    let free = append(stores, instance, &[in_lane(2, 2), in_lane(1, 3)]).await;
    assert_eq!(ids(&claim(stores, 499, 10, 10).await), free[..1]);
    assert_eq!(ids(&claim(stores, 500, 10, 10).await), [held[0], held[1], free[1]]);
}

/// Whatever is due behind it.
pub async fn a_run_ends_before_what_is_not_due(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 0), in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 2).await;
    let settlements = [(claimed[0].id, retry(100)), (claimed[1].id, retry(900))];
    stores.deliveries.settle(&settlements).await.unwrap();
    assert_eq!(ids(&claim(stores, 899, 10, 10).await), events[..1]);
    assert_eq!(claim(stores, 899, 10, 10).await, []);
}

/// Each has lanes of its own.
pub async fn sinks_do_not_wait_for_each_other(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (slow, quick) =
        (stores.with_webhook(instance, "slow").await, stores.with_webhook(instance, "quick").await);
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let claimed = claim(stores, 100, 10, 1).await;
    assert_eq!(claimed.len(), 2);
    settle(stores, &of_sink(&claimed, &slow)[0], retry(500)).await;
    settle(stores, &of_sink(&claimed, &quick)[0], build::delivered()).await;
    let next = claim(stores, 100, 10, 10).await;
    assert_eq!(ids(&of_sink(&next, &quick)), events[1..]);
    assert_eq!(of_sink(&next, &slow), []);
}

/// Though they chat with the same person.
pub async fn instances_do_not_wait_for_each_other(stores: &Stores) {
    let (one, other) = (with_sink(stores).await, stores.with_instance("other").await.id);
    stores.with_webhook(other, "crm").await;
    append(stores, one, &[in_lane(1, 0)]).await;
    assert_eq!(claim(stores, 100, 10, 10).await.len(), 1);
    let events = append(stores, other, &[in_lane(1, 0)]).await;
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), events);
}

/// Within a lane order is kept all the same.
pub async fn lanes_whose_head_has_waited_longest_come_first(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = [in_lane(1, 30), in_lane(2, 10), in_lane(3, 20), in_lane(1, 5)];
    let events = append(stores, instance, &events).await;
    assert_eq!(ids(&claim(stores, 100, 1, 10).await), [events[1]]);
    let rest = claim(stores, 100, 10, 10).await;
    assert_eq!(ids(&rest), [events[2], events[0], events[3]]);
}

/// The row is gone.
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
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    for expected in events {
        let claimed = claim(stores, 100, 10, 1).await;
        assert_eq!(ids(&claimed), [expected]);
        settle(stores, &claimed[0], settlement.clone()).await;
    }
    assert_eq!(claim(stores, 1_000, 10, 10).await, []);
    assert_eq!(next_due(stores).await, None);
    assert_eq!(stores.deliveries.release_all().await.unwrap(), 0);
    let after = append(stores, instance, &[in_lane(1, 2)]).await;
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), after);
}

/// Until it is due again, and it stays the same delivery.
pub async fn a_retry_waits_and_counts_an_attempt(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let mut first: Option<DeliveryId> = None;
    for attempts in 0..3 {
        let due = 100 * i64::from(attempts);
        if attempts > 0 {
            assert_eq!(claim(stores, due - 1, 10, 10).await, []);
        }
        let claimed = claim(stores, due, 10, 10).await;
        assert_eq!(claimed[0].attempts, attempts);
        assert_eq!(claimed[0].id, *first.get_or_insert(claimed[0].id));
        settle(stores, &claimed[0], retry(due + 100)).await;
    }
}

/// Until it is due again, as often as it has to be.
pub async fn a_postponed_one_waits_and_counts_no_attempt(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    settle(stores, &claim(stores, 0, 10, 10).await[0], retry(100)).await;
    for round in 1..4 {
        let due = 100 * round;
        assert_eq!(claim(stores, due - 1, 10, 10).await, []);
        let claimed = claim(stores, due, 10, 10).await;
        assert_eq!(claimed[0].attempts, 1);
        let later = Settlement::Postponed { due: build::moment(due + 100) };
        settle(stores, &claimed[0], later).await;
    }
    assert_eq!(next_due(stores).await, Some(build::moment(400)));
}

/// A removed webhook takes its deliveries along, claimed ones too.
pub async fn settlements_of_what_is_gone_are_passed_over(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (gone, stays) =
        (stores.with_webhook(instance, "gone").await, stores.with_webhook(instance, "stays").await);
    append(stores, instance, &[in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 10).await;
    stores.webhooks.remove(instance, &gone.label).await.unwrap();
    let settlements: Vec<_> = of_sink(&claimed, &gone)
        .into_iter()
        .chain(of_sink(&claimed, &stays))
        .map(|delivery| (delivery.id, retry(0)))
        .collect();
    assert_eq!(settlements.len(), 2);
    stores.deliveries.settle(&settlements).await.unwrap();
    let again = claim(stores, 100, 10, 10).await;
    assert_eq!(again.len(), 1);
    assert_eq!((of_sink(&again, &stays).len(), again[0].attempts), (1, 1));
}

/// One that was released may be somebody else's any moment.
pub async fn what_is_not_claimed_cannot_be_settled(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 10).await;
    stores.deliveries.release(&[claimed[0].id]).await.unwrap();
    for settlement in [build::delivered(), retry(900)] {
        settle(stores, &claimed[0], settlement).await;
    }
    let again = claim(stores, 100, 10, 10).await;
    assert_eq!((ids(&again), again[0].attempts), (events, 0));
}

/// Due when it was, and no attempt counted; its place in the lane is the old one.
pub async fn a_released_delivery_is_as_it_was(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let claimed = claim(stores, 100, 10, 1).await;
    append(stores, instance, &[in_lane(1, 2)]).await;
    let released = [claimed[0].id, DeliveryId(build::uuid())];
    stores.deliveries.release(&released).await.unwrap();
    stores.deliveries.release(&released).await.unwrap();
    assert_eq!(next_due(stores).await, Some(build::moment(0)));
    assert_eq!(claim(stores, 100, 10, 1).await, claimed);
}

/// Also when the lane is then empty.
pub async fn what_is_appended_while_its_lane_is_claimed_comes_after(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 10).await;
    let later = append(stores, instance, &[in_lane(1, 1)]).await;
    assert_eq!(claim(stores, 100, 10, 10).await, []);
    settle(stores, &claimed[0], build::delivered()).await;
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), later);
}

/// All claims, and it says how many there were; dead letters stay dead.
pub async fn a_crash_gives_everything_back(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = [in_lane(1, 0), in_lane(1, 1), in_lane(2, 2), in_lane(3, 3)];
    let events = append(stores, instance, &events).await;
    let claimed = claim(stores, 100, 2, 10).await;
    settle(stores, &claimed[2], build::dead("no")).await;
    assert_eq!(stores.deliveries.release_all().await.unwrap(), 2);
    assert_eq!(stores.deliveries.release_all().await.unwrap(), 0);
    assert_eq!(ids(&claim(stores, 100, 10, 10).await), [events[0], events[1], events[3]]);
}

/// Not of what waits behind one, nor of a claimed lane.
pub async fn the_next_due_is_that_of_a_head(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 50), in_lane(1, 10)]).await;
    assert_eq!(next_due(stores).await, Some(build::moment(50)));
    append(stores, instance, &[in_lane(2, 70)]).await;
    assert_eq!(next_due(stores).await, Some(build::moment(50)));
    let claimed = claim(stores, 60, 10, 1).await;
    assert_eq!(next_due(stores).await, Some(build::moment(70)));
    settle(stores, &claimed[0], retry(65)).await;
    assert_eq!(next_due(stores).await, Some(build::moment(65)));
    let claimed = claim(stores, 65, 10, 1).await;
    settle(stores, &claimed[0], build::delivered()).await;
    assert_eq!(next_due(stores).await, Some(build::moment(10)));
}

/// A lane may get its next event just when its last one is settled: whichever is first, the next has its turn.
pub async fn an_append_beside_a_settlement_strands_nothing(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    for _ in 0..60 {
        let claimed = claim(stores, 100, 10, 10).await;
        assert_eq!(claimed.len(), 1, "the event of the last round has its turn");
        let (events, deliveries) = (stores.events.clone(), stores.deliveries.clone());
        let appending =
            tokio::spawn(async move { events.append(instance, &[in_lane(1, 0)]).await.unwrap() });
        let delivered = [(claimed[0].id, build::delivered())];
        deliveries.settle(&delivered).await.unwrap();
        appending.await.unwrap();
    }
}

/// All their sinks together, and they keep nobody else's waiting.
pub async fn receivers_have_no_more_lanes_than_there_is_room_for(stores: &Stores) {
    let (one, other) = (stores.with_instance("sales").await.id, stores.with_instance("b").await.id);
    let mut receivers = HashMap::new();
    let mut sinks = Vec::new();
    for (instance, label, receiver) in [(one, "a", 1), (one, "b", 1), (other, "c", 2)] {
        let webhook = stores.with_webhook(instance, label).await;
        receivers.insert(SinkRef::Webhook(webhook.id), ReceiverId(receiver));
        sinks.push(webhook);
    }
    let events: Vec<_> = (1..=4).map(|person| in_lane(person, i64::from(person))).collect();
    append(stores, one, &events).await;
    append(stores, other, &[in_lane(1, 50), in_lane(2, 51)]).await;
    let room = Room { per_receiver: 3, receivers: receivers.into(), ..Room::of(10, 10) };
    let claimed = claim_with(stores, 100, &room).await;
    let of = |index: usize| of_sink(&claimed, &sinks[index]).len();
    assert_eq!((of(0) + of(1), of(2)), (3, 2));
    let busy = HashMap::from([(ReceiverId(1), 0)]);
    let full = Room { busy, ..room.clone() };
    assert_eq!(claim_with(stores, 100, &full).await, []);
    assert_eq!(stores.deliveries.next_due(&full).await.unwrap(), None);
    assert_eq!(claim_with(stores, 100, &room).await.len(), 3);
}

/// By the pauses that were counted, not by the time on the clock.
pub async fn what_a_delivery_has_waited_adds_up(stores: &Stores) {
    let instance = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let waited = async |seconds| {
        let claimed = claim(stores, seconds, 10, 10).await;
        assert_eq!(claimed.len(), 1);
        (claimed[0].clone(), claimed[0].waited)
    };
    let (delivery, before) = waited(0).await;
    assert_eq!(before, Duration::ZERO);
    for (pause, sum) in [(1_500, 1_500), (0, 1_500), (2_000, 3_500)] {
        let (due, pause) = (build::moment(100), Duration::from_millis(pause));
        let (status, reason) = (None, "no answer".to_owned());
        settle(stores, &delivery, Settlement::Retry { due, pause, status, reason }).await;
        assert_eq!(waited(100).await.1, Duration::from_millis(sum));
    }
    settle(stores, &delivery, Settlement::Postponed { due: build::moment(100) }).await;
    assert_eq!(waited(100).await.1, Duration::from_millis(3_500));
}

async fn set_enabled(stores: &Stores, instance: InstanceId, webhook: &Webhook, is_on: bool) {
    let target = is_on.then(|| build::target("http://127.0.0.1:9/other"));
    let next = Webhook { target, ..webhook.clone() };
    stores.webhooks.upsert(instance, &next, build::moment(0)).await.unwrap();
}

/// Nothing is lost, nothing is added, and the order stays.
pub async fn what_waits_for_a_disabled_webhook_is_held_until_it_is_enabled(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(2, 2)]).await;
    let claimed = claim(stores, 0, 1, 1).await;
    settle(stores, &claimed[0], retry(10)).await;
    set_enabled(stores, instance, &webhook, false).await;
    append(stores, instance, &[in_lane(1, 3)]).await;
    assert_eq!(claim(stores, 100, 10, 10).await, []);
    assert_eq!(next_due(stores).await, None);
    set_enabled(stores, instance, &webhook, true).await;
    assert_eq!(next_due(stores).await, Some(build::moment(0)));
    let again = claim(stores, 5, 10, 10).await;
    assert_eq!(ids(&again), events);
    assert_eq!(again[0].attempts, 1);
}

/// The pause was that of the old one, which goes on as long as it is the receiver. Nothing else is hastened.
pub async fn another_receiver_is_tried_at_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let other = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 1), in_lane(1, 2), in_lane(2, 3)]).await;
    let claimed = claim(stores, 10, 10, 1).await;
    assert_eq!(claimed.len(), 4);
    let settled: Vec<_> = claimed.iter().map(|one| (one.id, retry(500))).collect();
    stores.deliveries.settle(&settled).await.unwrap();
    let write = async |url: &str| {
        let next = Webhook { target: Some(build::target(url)), ..webhook.clone() };
        stores.webhooks.upsert(instance, &next, build::moment(0)).await.unwrap();
    };
    write(webhook.target.as_ref().unwrap().url.as_str()).await;
    assert_eq!(next_due(stores).await, Some(build::moment(500)));
    write("http://127.0.0.1:9/other").await;
    assert_eq!(next_due(stores).await, Some(build::moment(1)));
    let claimed = claim(stores, 20, 10, 10).await;
    assert_eq!(of_sink(&claimed, &webhook).len(), 3);
    assert_eq!(of_sink(&claimed, &other), []);
    assert!(claimed.iter().map(|one| one.attempts).eq([1, 0, 1]));
}

/// However much it is.
pub async fn what_is_held_keeps_nobody_else_waiting(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (held, other) =
        (stores.with_webhook(instance, "held").await, stores.with_webhook(instance, "crm").await);
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, 0)).collect();
    append(stores, instance, &events).await;
    set_enabled(stores, instance, &held, false).await;
    for _ in 0..9 {
        let claimed = claim(stores, 100, 1, 10).await;
        assert_eq!(of_sink(&claimed, &other).len(), 1);
    }
    assert_eq!(claim(stores, 100, 1, 10).await, []);
}

/// As it was.
pub async fn what_is_given_back_to_a_disabled_webhook_is_held(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    let claimed = claim(stores, 100, 10, 10).await;
    set_enabled(stores, instance, &webhook, false).await;
    stores.deliveries.release(&[claimed[0].id]).await.unwrap();
    assert_eq!(claim(stores, 100, 10, 10).await, []);
    set_enabled(stores, instance, &webhook, true).await;
    assert_eq!(claim(stores, 100, 10, 10).await, claimed);
}
