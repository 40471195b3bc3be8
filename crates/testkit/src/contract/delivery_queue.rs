//! What a [`DeliveryQueue`](wharf_domain::ports::DeliveryQueue) promises of what it gives.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use wharf_domain::{
    delivery::{Delivery, Settlement, SinkRef},
    event::{EventId, NewEvent},
    instance::InstanceId,
    ports::{ReceiverId, Room},
    webhook::Webhook,
};

use super::setting::{Deliverer, at_once, events_of, in_lane, of_sink};
use crate::{Stores, build};

/// Makes a test of each thing a `DeliveryQueue` promises.
#[macro_export]
macro_rules! delivery_queue_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::delivery_settlement_contract!($stores $(, #[$attribute])*);
        $crate::contract!(delivery_queue, $stores, [$($attribute),*], [
            an_empty_queue_gives_nothing,
            what_is_not_settled_is_given_again,
            deliverers_at_once_share_nothing,
            a_lane_is_given_in_order,
            a_lane_gives_at_most_a_run_of_the_given_length,
            at_most_so_many_lanes_are_given,
            at_most_so_many_lanes_of_a_sink_are_given,
            a_sink_without_room_gives_nothing_and_holds_up_nobody,
            a_served_lane_gives_nothing,
            a_lane_that_is_served_at_one_sink_is_given_at_another,
            served_lanes_keep_no_other_of_their_sink_waiting,
            a_sink_whose_lanes_are_served_keeps_no_other_waiting,
            a_sink_whose_lanes_are_served_takes_no_place_of_its_receiver,
            a_head_that_is_not_due_holds_back_its_lane_alone,
            a_run_ends_before_what_is_not_due,
            sinks_do_not_wait_for_each_other,
            instances_do_not_wait_for_each_other,
            lanes_whose_head_has_waited_longest_come_first,
            what_comes_while_its_lane_is_served_is_given_after_it,
            receivers_have_no_more_lanes_than_there_is_room_for,
            what_waits_for_a_disabled_webhook_is_held_until_it_is_enabled,
            what_is_held_keeps_nobody_else_waiting,
            what_was_being_tried_when_its_webhook_was_disabled_is_held,
            another_receiver_is_tried_at_once,
        ]);
    };
}

async fn with_sink(stores: &Stores) -> InstanceId {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    instance
}

/// The same for another instance.
async fn with_other_sink(stores: &Stores) -> InstanceId {
    let instance = stores.with_instance("other").await.id;
    stores.with_webhook(instance, "crm").await;
    instance
}

/// Appends events and gives their ids.
async fn append(stores: &Stores, instance: InstanceId, events: &[NewEvent]) -> Vec<EventId> {
    stores.append(instance, events).await.into_iter().map(|appended| appended.id).collect()
}

/// Room for two lanes of each sink, but for as many of one as given.
fn room_but(webhook: &Webhook, lanes: usize) -> Room {
    let sinks = HashMap::from([(SinkRef::Webhook(webhook.id), lanes)]);
    Room { per_sink: 2, sinks, ..Room::of(5, 10) }
}

/// Room for so many lanes but those of these deliveries.
fn room_beside(lanes: usize, served: &[Delivery]) -> Room {
    Room { served: served.iter().map(Delivery::sink_lane).collect(), ..Room::of(lanes, 10) }
}

fn retry(seconds: i64) -> Settlement {
    build::retry(build::moment(seconds))
}

/// And no error.
pub async fn an_empty_queue_gives_nothing(stores: &Stores) {
    assert_eq!(stores.due(100, &Room::of(10, 10)).await, []);
    assert_eq!(stores.heads(&HashSet::new()).await, []);
    assert_eq!(stores.settle(&[]).await, []);
}

/// As it was, to whoever asks: who makes it is none of the queue's business.
pub async fn what_is_not_settled_is_given_again(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(2, 2)]).await;
    let given = stores.due(100, &Room::of(10, 10)).await;
    assert_eq!(events_of(&given), events);
    assert_eq!(stores.due(200, &Room::of(10, 10)).await, given);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(stores.due(200, &Room::of(10, 10)).await, given[1..]);
}

/// When each says which lanes are served, each delivery goes to one of those who ask at once.
pub async fn deliverers_at_once_share_nothing(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = (0..40).map(|index| in_lane(index % 8, 0)).collect();
    append(stores, instance, &events).await;
    let deliverer = Arc::new(Deliverer::of(stores));
    let given = at_once(4, |_| {
        let deliverer = deliverer.clone();
        async move {
            let mut own = Vec::new();
            for _ in 0..40 {
                let given = deliverer.take(100, &Room::of(3, 2)).await;
                let done: Vec<_> = given.iter().map(|one| (one.id, build::delivered())).collect();
                deliverer.settle(&done).await;
                own.extend(given);
            }
            own
        }
    })
    .await;
    let given: Vec<_> = given.into_iter().flatten().collect();
    let distinct: HashSet<_> = given.iter().map(|delivery| delivery.id).collect();
    assert_eq!((given.len(), distinct.len()), (events.len(), events.len()));
}

/// By sequence, whatever the time at which something was recorded.
pub async fn a_lane_is_given_in_order(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = [5, 3, 9, 1].map(|seconds| in_lane(1, seconds)).to_vec();
    let mut expected = append(stores, instance, &events).await;
    expected.extend(append(stores, instance, &[in_lane(1, 0)]).await);
    assert_eq!(events_of(&stores.due(100, &Room::of(10, 10)).await), expected);
}

/// From its head.
pub async fn a_lane_gives_at_most_a_run_of_the_given_length(stores: &Stores) {
    let instance = with_sink(stores).await;
    let first = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(1, 2)]).await;
    let second = append(stores, instance, &[in_lane(2, 3), in_lane(2, 4), in_lane(2, 5)]).await;
    let given = stores.due(100, &Room::of(10, 2)).await;
    assert_eq!(events_of(&given), [first[0], first[1], second[0], second[1]]);
    for delivery in &given {
        stores.settle(&[(delivery.id, build::delivered())]).await;
    }
    assert_eq!(events_of(&stores.due(100, &Room::of(10, 2)).await), [first[2], second[2]]);
}

/// In all, each with its run, and what is left is given to the next.
pub async fn at_most_so_many_lanes_are_given(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, i64::from(person))).collect();
    let events = append(stores, instance, &events).await;
    let second = append(stores, instance, &[in_lane(1, 10)]).await;
    let deliverer = Deliverer::of(stores);
    let first = deliverer.take(100, &Room::of(4, 10)).await;
    assert_eq!(events_of(&first), [&events[..1], &second[..], &events[1..4]].concat());
    assert_eq!(events_of(&deliverer.take(100, &Room::of(4, 10)).await), events[4..8]);
    assert_eq!(deliverer.take(100, &Room::of(0, 10)).await, []);
    assert_eq!(deliverer.take(100, &Room::of(4, 0)).await, []);
    assert_eq!(events_of(&deliverer.take(100, &Room::of(4, 10)).await), events[8..]);
}

/// Those whose head has waited longest; the lanes of other sinks come after them.
pub async fn at_most_so_many_lanes_of_a_sink_are_given(stores: &Stores) {
    let (crowded, other) = (stores.with_instance("sales").await.id, with_other_sink(stores).await);
    let webhook = stores.with_webhook(crowded, "crm").await;
    let events: Vec<_> = (1..=5).map(|person| in_lane(person, i64::from(person))).collect();
    let events = append(stores, crowded, &events).await;
    let late = append(stores, other, &[in_lane(1, 50), in_lane(2, 51)]).await;
    let deliverer = Deliverer::of(stores);
    let one = deliverer.take(100, &room_but(&webhook, 1)).await;
    assert_eq!(events_of(&one), [events[0], late[0], late[1]]);
    assert_eq!(events_of(&deliverer.take(100, &room_but(&webhook, 2)).await), events[1..3]);
    assert_eq!(events_of(&deliverer.take(100, &room_but(&webhook, 9)).await), events[3..]);
}

/// However long its lanes have waited.
pub async fn a_sink_without_room_gives_nothing_and_holds_up_nobody(stores: &Stores) {
    let (full, other) = (stores.with_instance("sales").await.id, with_other_sink(stores).await);
    let webhook = stores.with_webhook(full, "crm").await;
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, 0)).collect();
    append(stores, full, &events).await;
    let late = append(stores, other, &[in_lane(1, 50)]).await;
    let given = stores.due(100, &room_but(&webhook, 0)).await;
    assert_eq!(events_of(&given), late);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(stores.due(100, &room_but(&webhook, 0)).await, []);
}

/// However much of it is due, and whatever comes.
pub async fn a_served_lane_gives_nothing(stores: &Stores) {
    let instance = with_sink(stores).await;
    let first = append(stores, instance, &[in_lane(1, 0), in_lane(1, 0)]).await;
    let served = stores.due(100, &Room::of(10, 1)).await;
    assert_eq!(events_of(&served), first[..1]);
    append(stores, instance, &[in_lane(1, 0)]).await;
    assert_eq!(stores.due(100, &room_beside(10, &served)).await, []);
    let free = append(stores, instance, &[in_lane(2, 0)]).await;
    assert_eq!(events_of(&stores.due(100, &room_beside(10, &served)).await), free);
    // Nor when its head is settled meanwhile.
    stores.settle(&[(served[0].id, build::delivered())]).await;
    assert_eq!(events_of(&stores.due(100, &room_beside(10, &served)).await), free);
}

/// Though it has the same name there.
pub async fn a_lane_that_is_served_at_one_sink_is_given_at_another(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (served, free) =
        (stores.with_webhook(instance, "a").await, stores.with_webhook(instance, "b").await);
    append(stores, instance, &[in_lane(1, 0)]).await;
    let given = stores.all_due().await;
    let room = room_beside(10, &of_sink(&given, &served));
    assert_eq!(stores.due(100, &room).await, of_sink(&given, &free));
}

/// Nor when they are many, have waited longer and are all but one; nor when there is room for one lane alone.
pub async fn served_lanes_keep_no_other_of_their_sink_waiting(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let events: Vec<_> = (1..=40).map(|person| in_lane(person, i64::from(person))).collect();
    append(stores, instance, &events).await;
    let served = stores.all_due().await;
    assert_eq!(served.len(), 40);
    let newest = append(stores, instance, &[in_lane(1, 41), in_lane(41, 50)]).await;
    for lanes in [1, 10] {
        let room = room_beside(lanes, &served);
        assert_eq!(events_of(&stores.due(100, &room).await), newest[1..]);
        let sinks = HashMap::from([(SinkRef::Webhook(webhook.id), 1)]);
        let room = Room { sinks, ..room };
        assert_eq!(events_of(&stores.due(100, &room).await), newest[1..]);
    }
    assert_eq!(stores.due(49, &room_beside(10, &served)).await, []);
}

/// However long they have waited, and though there is room for one lane alone.
pub async fn a_sink_whose_lanes_are_served_keeps_no_other_waiting(stores: &Stores) {
    let (full, other) = (with_sink(stores).await, with_other_sink(stores).await);
    let events: Vec<_> = (1..=5).map(|person| in_lane(person, 0)).collect();
    append(stores, full, &events).await;
    let served = stores.all_due().await;
    let late = append(stores, other, &[in_lane(1, 50), in_lane(2, 51)]).await;
    for lanes in [1, 2] {
        let given = stores.due(100, &room_beside(lanes, &served)).await;
        assert_eq!(events_of(&given), late[..lanes]);
    }
}

/// The lanes of its other sinks are given.
pub async fn a_sink_whose_lanes_are_served_takes_no_place_of_its_receiver(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (full, free) =
        (stores.with_webhook(instance, "a").await, stores.with_webhook(instance, "b").await);
    append(stores, instance, &[in_lane(1, 0), in_lane(2, 1)]).await;
    let given = stores.all_due().await;
    let receivers = [&full, &free].map(|sink| (SinkRef::Webhook(sink.id), ReceiverId(1)));
    let receivers = HashMap::from(receivers);
    for (served, waiting) in [(&full, &free), (&free, &full)] {
        let beside = room_beside(10, &of_sink(&given, served));
        let room = Room { per_receiver: 1, receivers: receivers.clone().into(), ..beside };
        assert_eq!(stores.due(100, &room).await, of_sink(&given, waiting)[..1]);
    }
}

/// A failing event holds back its own lane and nothing else.
pub async fn a_head_that_is_not_due_holds_back_its_lane_alone(stores: &Stores) {
    let instance = with_sink(stores).await;
    let held = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let given = stores.due(100, &Room::of(10, 1)).await;
    stores.settle(&[(given[0].id, retry(500))]).await;
    let free = append(stores, instance, &[in_lane(2, 2), in_lane(1, 3)]).await;
    let given = stores.due(499, &Room::of(10, 10)).await;
    assert_eq!(events_of(&given), free[..1]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    let expected = [held[0], held[1], free[1]];
    assert_eq!(events_of(&stores.due(500, &Room::of(10, 10)).await), expected);
}

/// Whatever is due behind it.
pub async fn a_run_ends_before_what_is_not_due(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 0), in_lane(1, 0)]).await;
    let given = stores.due(100, &Room::of(10, 2)).await;
    stores.settle(&[(given[0].id, retry(100)), (given[1].id, retry(900))]).await;
    let given = stores.due(899, &Room::of(10, 10)).await;
    assert_eq!(events_of(&given), events[..1]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(stores.due(899, &Room::of(10, 10)).await, []);
    assert_eq!(events_of(&stores.due(900, &Room::of(10, 10)).await), events[1..]);
}

/// Each has lanes of its own.
pub async fn sinks_do_not_wait_for_each_other(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (slow, quick) =
        (stores.with_webhook(instance, "slow").await, stores.with_webhook(instance, "quick").await);
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let given = stores.due(100, &Room::of(10, 1)).await;
    assert_eq!(given.len(), 2);
    let settlements = [
        (of_sink(&given, &slow)[0].id, retry(500)),
        (of_sink(&given, &quick)[0].id, build::delivered()),
    ];
    stores.settle(&settlements).await;
    let next = stores.due(100, &Room::of(10, 10)).await;
    assert_eq!(events_of(&of_sink(&next, &quick)), events[1..]);
    assert_eq!(of_sink(&next, &slow), []);
}

/// Though they chat with the same person.
pub async fn instances_do_not_wait_for_each_other(stores: &Stores) {
    let (one, other) = (with_sink(stores).await, with_other_sink(stores).await);
    append(stores, one, &[in_lane(1, 0)]).await;
    let served = stores.due(100, &Room::of(10, 10)).await;
    assert_eq!(served.len(), 1);
    let events = append(stores, other, &[in_lane(1, 0)]).await;
    assert_eq!(events_of(&stores.due(100, &room_beside(10, &served)).await), events);
}

/// Within a lane order is kept all the same.
pub async fn lanes_whose_head_has_waited_longest_come_first(stores: &Stores) {
    let instance = with_sink(stores).await;
    let events = [in_lane(1, 30), in_lane(2, 10), in_lane(3, 20), in_lane(1, 5)];
    let events = append(stores, instance, &events).await;
    let first = stores.due(100, &Room::of(1, 10)).await;
    assert_eq!(events_of(&first), [events[1]]);
    let rest = stores.due(100, &room_beside(10, &first)).await;
    assert_eq!(events_of(&rest), [events[2], events[0], events[3]]);
}

/// Also when the lane is then empty.
pub async fn what_comes_while_its_lane_is_served_is_given_after_it(stores: &Stores) {
    let instance = with_sink(stores).await;
    let first = append(stores, instance, &[in_lane(1, 0)]).await;
    let deliverer = Deliverer::of(stores);
    let given = deliverer.take(100, &Room::of(10, 10)).await;
    let later = append(stores, instance, &[in_lane(1, 1)]).await;
    assert_eq!(deliverer.take(100, &Room::of(10, 10)).await, []);
    deliverer.give_back(&[given[0].id]).await;
    let again = deliverer.take(100, &Room::of(10, 10)).await;
    assert_eq!((&again[0], events_of(&again)), (&given[0], vec![first[0], later[0]]));
    deliverer.give_back(&[again[1].id]).await;
    deliverer.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(deliverer.take(100, &Room::of(10, 10)).await, again[1..]);
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
    let deliverer = Deliverer::of(stores);
    let given = deliverer.take(100, &room).await;
    let of = |index: usize| of_sink(&given, &sinks[index]).len();
    assert_eq!((of(0) + of(1), of(2)), (3, 2));
    let busy = HashMap::from([(ReceiverId(1), 0)]);
    let full = Room { busy, ..room.clone() };
    assert_eq!(deliverer.take(100, &full).await, []);
    assert_eq!(deliverer.take(100, &room).await.len(), 3);
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
    let given = stores.due(0, &Room::of(1, 1)).await;
    stores.settle(&[(given[0].id, retry(10))]).await;
    set_enabled(stores, instance, &webhook, false).await;
    append(stores, instance, &[in_lane(1, 3)]).await;
    assert_eq!(stores.due(100, &Room::of(10, 10)).await, []);
    assert_eq!(stores.first_head().await, None);
    set_enabled(stores, instance, &webhook, true).await;
    assert_eq!(stores.first_head().await, Some(build::moment(0)));
    let again = stores.due(5, &Room::of(10, 10)).await;
    assert_eq!(events_of(&again), events);
    assert_eq!(again[0].attempts, 1);
}

/// However much it is.
pub async fn what_is_held_keeps_nobody_else_waiting(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (held, other) =
        (stores.with_webhook(instance, "held").await, stores.with_webhook(instance, "crm").await);
    let events: Vec<_> = (1..=9).map(|person| in_lane(person, 0)).collect();
    append(stores, instance, &events).await;
    set_enabled(stores, instance, &held, false).await;
    let deliverer = Deliverer::of(stores);
    for _ in 0..9 {
        let given = deliverer.take(100, &Room::of(1, 10)).await;
        assert_eq!(of_sink(&given, &other).len(), 1);
    }
    assert_eq!(deliverer.take(100, &Room::of(1, 10)).await, []);
}

/// Given back as it was, or with one attempt more.
pub async fn what_was_being_tried_when_its_webhook_was_disabled_is_held(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    append(stores, instance, &[in_lane(1, 0), in_lane(2, 0)]).await;
    let given = stores.due(100, &Room::of(10, 10)).await;
    set_enabled(stores, instance, &webhook, false).await;
    stores.settle(&[(given[1].id, retry(0))]).await;
    assert_eq!(stores.due(100, &Room::of(10, 10)).await, []);
    set_enabled(stores, instance, &webhook, true).await;
    let tried = Delivery { attempts: 1, waited: Duration::from_secs(5), ..given[1].clone() };
    assert_eq!(stores.due(100, &Room::of(10, 10)).await, [given[0].clone(), tried]);
}

/// The pause was that of the old one, which goes on as long as it is the receiver. Nothing else is hastened.
pub async fn another_receiver_is_tried_at_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let other = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 1), in_lane(1, 2), in_lane(2, 3)]).await;
    let given = stores.due(10, &Room::of(10, 1)).await;
    assert_eq!(given.len(), 4);
    let settled: Vec<_> = given.iter().map(|one| (one.id, retry(500))).collect();
    stores.settle(&settled).await;
    let write = async |url: &str| {
        let next = Webhook { target: Some(build::target(url)), ..webhook.clone() };
        stores.webhooks.upsert(instance, &next, build::moment(0)).await.unwrap();
    };
    write(webhook.target.as_ref().unwrap().url.as_str()).await;
    assert_eq!(stores.first_head().await, Some(build::moment(500)));
    write("http://127.0.0.1:9/other").await;
    assert_eq!(stores.first_head().await, Some(build::moment(1)));
    let given = stores.due(20, &Room::of(10, 10)).await;
    assert_eq!(of_sink(&given, &webhook).len(), 3);
    assert_eq!(of_sink(&given, &other), []);
    assert!(given.iter().map(|one| one.attempts).eq([1, 0, 1]));
}
