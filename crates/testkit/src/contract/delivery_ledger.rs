//! What a [`DeliveryLedger`](wharf_domain::ports::DeliveryLedger) promises.

use std::collections::HashSet;

use wharf_domain::{
    delivery::{Delivery, DeliveryRecord, DeliveryState, Depth, Replay, SinkRef},
    event::{EventFilter, EventId, EventKind, Lane, NewEvent},
    instance::InstanceId,
    ports::{DeliveryFilter, Requeued, Room},
    webhook::{Webhook, WebhookId, WebhookTarget},
};

use super::setting::{events_of, in_lane};
use crate::{Stores, build};

/// Makes a test of each thing a `DeliveryLedger` promises.
#[macro_export]
macro_rules! delivery_ledger_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(delivery_ledger, $stores, [$($attribute),*], [
            a_delivery_is_listed_with_all_that_became_of_it,
            deliveries_are_listed_by_state,
            what_waits_for_a_disabled_webhook_is_listed_as_held,
            deliveries_are_listed_in_order_page_by_page,
            deliveries_are_listed_by_webhook,
            deliveries_of_other_instances_are_not_listed,
            named_events_are_queued_once_more,
            what_is_queued_once_more_was_never_tried,
            what_is_queued_once_more_neither_waits_nor_holds_back,
            an_event_the_webhook_never_got_can_be_queued_for_it,
            what_is_pending_or_held_is_not_queued_again,
            an_event_that_is_not_the_instances_is_not_queued,
            nothing_is_queued_for_a_webhook_of_another_instance,
            dead_letters_are_queued_once_more,
            dead_letters_since_a_moment_are_queued_once_more,
            what_was_recorded_since_a_moment_is_queued_where_it_is_asked_for,
            a_replay_goes_step_by_step_over_what_there_was,
            what_is_pending_can_be_dropped_and_its_lane_goes_on,
            what_is_dropped_while_it_is_tried_is_gone,
            what_is_held_can_be_dropped,
            dead_letters_can_be_dropped,
            what_was_delivered_is_not_dropped,
            dropping_is_bounded,
            nothing_is_dropped_of_other_webhooks_and_instances,
            depths_tell_how_much_is_where_and_since_when,
        ]);
    };
}

async fn with_sink(stores: &Stores) -> (InstanceId, Webhook) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    (instance, webhook)
}

async fn disable(stores: &Stores, instance: InstanceId, webhook: &Webhook) {
    let off = Webhook { target: None, ..webhook.clone() };
    stores.webhooks.upsert(instance, &off, build::moment(0)).await.unwrap();
}

/// Appends events and gives their ids.
async fn append(stores: &Stores, instance: InstanceId, events: &[NewEvent]) -> Vec<EventId> {
    stores.append(instance, events).await.into_iter().map(|appended| appended.id).collect()
}

async fn due(stores: &Stores, seconds: i64) -> Vec<Delivery> {
    stores.due(seconds, &Room::of(100, 100)).await
}

async fn list(
    stores: &Stores,
    instance: InstanceId,
    filter: &DeliveryFilter,
) -> Vec<DeliveryRecord> {
    stores.ledger.list(instance, filter, 1_000).await.unwrap()
}

fn in_state(state: DeliveryState) -> DeliveryFilter {
    DeliveryFilter { state: Some(state), ..DeliveryFilter::default() }
}

/// The events of the deliveries in a state.
async fn events_in(stores: &Stores, instance: InstanceId, state: DeliveryState) -> Vec<EventId> {
    list(stores, instance, &in_state(state)).await.into_iter().map(|one| one.event).collect()
}

/// One step of a replay at the hundredth second.
async fn requeue(
    stores: &Stores,
    instance: InstanceId,
    webhook: WebhookId,
    replay: &Replay,
) -> Requeued {
    stores.ledger.requeue(instance, webhook, replay, 0, 1_000, build::moment(100)).await.unwrap()
}

async fn discard(
    stores: &Stores,
    instance: InstanceId,
    webhook: &Webhook,
    state: DeliveryState,
) -> u64 {
    stores.ledger.discard(instance, webhook.id, state, 1_000).await.unwrap()
}

fn all(queued: u64) -> Requeued {
    Requeued { queued, next: None }
}

/// Four events of four chats, of which the last three are delivered, given up and about to be tried again.
async fn one_of_each(stores: &Stores, instance: InstanceId) -> Vec<EventId> {
    let events: Vec<_> = (1..=4).map(|person| in_lane(person, i64::from(person))).collect();
    let events = append(stores, instance, &events).await;
    let given = due(stores, 50).await;
    let settlements = [
        (given[1].id, build::delivered()),
        (given[2].id, build::dead("status 400")),
        (given[3].id, build::retry(build::moment(90))),
    ];
    stores.settle(&settlements).await;
    events
}

/// How often it was tried, what came of that, and when it is tried again.
pub async fn a_delivery_is_listed_with_all_that_became_of_it(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = one_of_each(stores, instance).await;
    let state_change = append(stores, instance, &[build::state_event()]).await[0];
    let listed = list(stores, instance, &DeliveryFilter::default()).await;
    let expected = [
        (events[0], DeliveryState::Pending, 0, Some(1), None, None),
        (events[1], DeliveryState::Delivered, 1, None, Some(200), None),
        (events[2], DeliveryState::Dead, 1, None, Some(400), Some("status 400")),
        (events[3], DeliveryState::Pending, 1, Some(90), Some(503), Some("status 503")),
        (state_change, DeliveryState::Pending, 0, Some(0), None, None),
    ];
    assert_eq!(listed.len(), expected.len());
    for (given, expected) in listed.into_iter().zip(expected) {
        let (event, state, attempts, next, last_status, last_error) = expected;
        let expected = DeliveryRecord {
            id: given.id,
            event,
            kind: if event == state_change {
                EventKind::InstanceState
            } else {
                EventKind::MessageExchange
            },
            label: webhook.label.clone(),
            state,
            attempts,
            next_attempt_at: next.map(build::moment),
            last_status,
            last_error: last_error.map(str::to_owned),
        };
        assert_eq!(given, expected);
    }
}

/// What is to be tried again is pending still.
pub async fn deliveries_are_listed_by_state(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    let events = one_of_each(stores, instance).await;
    let pending = events_in(stores, instance, DeliveryState::Pending).await;
    assert_eq!(pending, [events[0], events[3]]);
    assert_eq!(events_in(stores, instance, DeliveryState::Delivered).await, [events[1]]);
    assert_eq!(events_in(stores, instance, DeliveryState::Dead).await, [events[2]]);
    assert_eq!(events_in(stores, instance, DeliveryState::Held).await, []);
}

/// It has no next attempt.
pub async fn what_waits_for_a_disabled_webhook_is_listed_as_held(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = one_of_each(stores, instance).await;
    disable(stores, instance, &webhook).await;
    assert_eq!(events_in(stores, instance, DeliveryState::Pending).await, []);
    assert_eq!(events_in(stores, instance, DeliveryState::Delivered).await, [events[1]]);
    assert_eq!(events_in(stores, instance, DeliveryState::Dead).await, [events[2]]);
    let held = list(stores, instance, &in_state(DeliveryState::Held)).await;
    assert_eq!(held.len(), 2);
    for (held, (event, attempts)) in held.iter().zip([(events[0], 0), (events[3], 1)]) {
        assert_eq!((held.event, held.state), (event, DeliveryState::Held));
        assert_eq!((held.attempts, held.next_attempt_at), (attempts, None));
    }
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await.len(), 4);
}

/// That of their events, whatever their state; whoever goes on after the last one gets all.
pub async fn deliveries_are_listed_in_order_page_by_page(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    stores.with_webhook(instance, "other").await;
    let mut events = one_of_each(stores, instance).await;
    let more: Vec<_> = (1..=3).map(|person| in_lane(person, 80)).collect();
    events.extend(append(stores, instance, &more).await);
    for state in [None, Some(DeliveryState::Pending)] {
        let filter = DeliveryFilter { state, ..DeliveryFilter::default() };
        let whole = list(stores, instance, &filter).await;
        let (mut after, mut given) = (None, Vec::new());
        loop {
            let filter = DeliveryFilter { after, ..filter.clone() };
            let page = stores.ledger.list(instance, &filter, 2).await.unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            given.extend(page);
        }
        assert_eq!(given, whole);
        let mut of_events: Vec<_> = given.iter().map(|one| one.event).collect();
        of_events.dedup();
        assert!(of_events.is_sorted());
        if state.is_none() {
            assert_eq!((of_events, given.len()), (events.clone(), 14));
        }
    }
    assert_eq!(stores.ledger.list(instance, &DeliveryFilter::default(), 0).await.unwrap(), []);
}

/// Each has its own deliveries of the same events.
pub async fn deliveries_are_listed_by_webhook(stores: &Stores) {
    let (instance, crm) = with_sink(stores).await;
    let other = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 0)]).await;
    for webhook in [&crm, &other] {
        let filter = DeliveryFilter { webhook: Some(webhook.id), ..DeliveryFilter::default() };
        let listed = list(stores, instance, &filter).await;
        let labels: Vec<_> = listed.into_iter().map(|one| one.label).collect();
        assert_eq!(labels, std::slice::from_ref(&webhook.label));
    }
    let nobody = Some(WebhookId(build::uuid()));
    let filter = DeliveryFilter { webhook: nobody, ..DeliveryFilter::default() };
    assert_eq!(list(stores, instance, &filter).await, []);
}

/// Not even when their webhook is named.
pub async fn deliveries_of_other_instances_are_not_listed(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let other = stores.with_instance("other").await.id;
    append(stores, instance, &[in_lane(1, 0)]).await;
    for webhook in [None, Some(webhook.id)] {
        let filter = DeliveryFilter { webhook, ..DeliveryFilter::default() };
        assert_eq!(list(stores, other, &filter).await, []);
    }
}

/// Delivered or given up, and whether or not the webhook asks for their kind by now.
pub async fn named_events_are_queued_once_more(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = one_of_each(stores, instance).await;
    let target = WebhookTarget {
        events: EventFilter::parse(["label.update"]).unwrap(),
        ..build::target("http://127.0.0.1:9")
    };
    let other_kinds = Webhook { target: Some(target), ..webhook.clone() };
    stores.webhooks.upsert(instance, &other_kinds, build::moment(0)).await.unwrap();
    let named = [events[2], events[1], events[2]].to_vec();
    assert_eq!(requeue(stores, instance, webhook.id, &Replay::Events(named)).await, all(2));
    let mut given = events_of(&due(stores, 100).await);
    given.sort();
    // The first and the last waited anyway.
    assert_eq!(given, events);
}

/// As far as anybody can see: neither attempts nor failures are left, but it is the same event.
pub async fn what_is_queued_once_more_was_never_tried(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let event = append(stores, instance, &[in_lane(1, 0)]).await[0];
    let first = due(stores, 0).await;
    let later = build::moment(10);
    stores.settle(&[(first[0].id, build::retry(later))]).await;
    let second = due(stores, 10).await;
    stores.settle(&[(second[0].id, build::dead("no"))]).await;
    assert_eq!(requeue(stores, instance, webhook.id, &Replay::Events(vec![event])).await, all(1));
    let listed = list(stores, instance, &DeliveryFilter::default()).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].attempts, listed[0].next_attempt_at), (0, Some(build::moment(100))));
    assert_eq!((listed[0].last_status, listed[0].last_error.as_ref()), (None, None));
    assert_eq!(due(stores, 99).await, []);
    let again = due(stores, 100).await;
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].attempts, again[0].waited.as_secs()), (0, 0));
    assert_eq!(again[0].event, first[0].event);
    assert_eq!(again[0].sink, SinkRef::Webhook(webhook.id));
    stores.settle(&[(again[0].id, build::dead("again"))]).await;
    assert_eq!(events_in(stores, instance, DeliveryState::Dead).await, [event]);
}

/// It has a lane of its own.
pub async fn what_is_queued_once_more_neither_waits_nor_holds_back(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(1, 2)]).await;
    let given = due(stores, 50).await;
    let settlements = [
        (given[0].id, build::delivered()),
        (given[1].id, build::delivered()),
        (given[2].id, build::retry(build::moment(500))),
    ];
    stores.settle(&settlements).await;
    let replay = Replay::Events(events[..2].to_vec());
    assert_eq!(requeue(stores, instance, webhook.id, &replay).await, all(2));
    let again = due(stores, 100).await;
    assert_eq!(
        events_of(&again).into_iter().collect::<HashSet<_>>(),
        events[..2].iter().copied().collect()
    );
    let lanes: Vec<_> = again.iter().map(|one| one.lane.clone()).collect();
    assert_eq!(lanes, events_of(&again).into_iter().map(Lane::of_replay).collect::<Vec<_>>());
    let later = again.iter().map(|one| (one.id, build::retry(build::moment(900))));
    stores.settle(&later.collect::<Vec<_>>()).await;
    assert_eq!(events_of(&due(stores, 500).await), events[2..]);
    let next = append(stores, instance, &[in_lane(1, 3)]).await;
    assert_eq!(events_of(&due(stores, 500).await), [events[2], next[0]]);
    let third = [(given[2].id, build::delivered())];
    stores.settle(&third).await;
    assert_eq!(events_of(&due(stores, 500).await), next);
}

/// It came later, did not ask for its kind, or was disabled then.
pub async fn an_event_the_webhook_never_got_can_be_queued_for_it(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let event = append(stores, instance, &[in_lane(1, 0)]).await[0];
    let late = stores.with_webhook(instance, "late").await;
    let replay = Replay::Events(vec![event]);
    assert_eq!(requeue(stores, instance, late.id, &replay).await, all(1));
    assert_eq!(requeue(stores, instance, late.id, &replay).await, all(0));
    let given = due(stores, 100).await;
    assert_eq!((events_of(&given), given[0].sink), (vec![event], SinkRef::Webhook(late.id)));
}

/// It stays as it is.
pub async fn what_is_pending_or_held_is_not_queued_again(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 0), in_lane(2, 0)]).await;
    let before = list(stores, instance, &DeliveryFilter::default()).await;
    for replay in
        [Replay::Events(events.clone()), Replay::Since(build::moment(0)), Replay::Dead(None)]
    {
        assert_eq!(requeue(stores, instance, webhook.id, &replay).await, all(0));
    }
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await, before);
    disable(stores, instance, &webhook).await;
    assert_eq!(requeue(stores, instance, webhook.id, &Replay::Events(events)).await, all(0));
    assert_eq!(events_in(stores, instance, DeliveryState::Held).await.len(), 2);
}

/// Nor one that nobody knows.
pub async fn an_event_that_is_not_the_instances_is_not_queued(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let other = stores.with_instance("other").await.id;
    let theirs = append(stores, other, &[in_lane(1, 0)]).await[0];
    let replay = Replay::Events(vec![theirs, EventId(build::uuid())]);
    assert_eq!(requeue(stores, instance, webhook.id, &replay).await, all(0));
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await, []);
}

/// Nor for one that is gone.
pub async fn nothing_is_queued_for_a_webhook_of_another_instance(stores: &Stores) {
    let (instance, _) = with_sink(stores).await;
    let other = stores.with_instance("other").await.id;
    let theirs = stores.with_webhook(other, "crm").await;
    let events = one_of_each(stores, instance).await;
    for webhook in [theirs.id, WebhookId(build::uuid())] {
        for replay in
            [Replay::Events(events.clone()), Replay::Dead(None), Replay::Since(build::moment(0))]
        {
            assert_eq!(requeue(stores, instance, webhook, &replay).await, all(0));
        }
    }
}

/// Of this webhook alone, and nothing else.
pub async fn dead_letters_are_queued_once_more(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let other = stores.with_webhook(instance, "other").await;
    append(stores, instance, &[in_lane(1, 0), in_lane(2, 1), in_lane(3, 2)]).await;
    let dead: Vec<_> =
        due(stores, 10).await.iter().map(|one| (one.id, build::dead("no"))).collect();
    stores.settle(&dead).await;
    assert_eq!(requeue(stores, instance, webhook.id, &Replay::Dead(None)).await, all(3));
    let given = due(stores, 100).await;
    assert_eq!(given.len(), 3);
    assert!(given.iter().all(|one| one.sink == SinkRef::Webhook(webhook.id)));
    let filter = DeliveryFilter { webhook: Some(other.id), ..in_state(DeliveryState::Dead) };
    assert_eq!(list(stores, instance, &filter).await.len(), 3);
}

/// By when their event was recorded.
pub async fn dead_letters_since_a_moment_are_queued_once_more(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events = append(stores, instance, &[in_lane(1, 9), in_lane(2, 10), in_lane(3, 11)]).await;
    let dead: Vec<_> =
        due(stores, 20).await.iter().map(|one| (one.id, build::dead("no"))).collect();
    stores.settle(&dead).await;
    let since = Replay::Dead(Some(build::moment(10)));
    assert_eq!(requeue(stores, instance, webhook.id, &since).await, all(2));
    assert_eq!(events_in(stores, instance, DeliveryState::Dead).await, events[..1]);
}

/// Whatever became of it; what is recorded after the replay has begun is none of it.
pub async fn what_was_recorded_since_a_moment_is_queued_where_it_is_asked_for(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let change = NewEvent { recorded_at: build::moment(11), ..build::state_event() };
    let events = [in_lane(1, 9), in_lane(2, 10), change, in_lane(1, 12), in_lane(1, 101)];
    let events = append(stores, instance, &events).await;
    let target = WebhookTarget {
        events: EventFilter::parse(["message.exchange"]).unwrap(),
        ..build::target("http://127.0.0.1:9")
    };
    let late = Webhook { target: Some(target), ..build::webhook("late") };
    let late = stores.webhooks.upsert(instance, &late, build::moment(0)).await.unwrap();
    let since = Replay::Since(build::moment(10));
    assert_eq!(requeue(stores, instance, late.id, &since).await, all(2));
    let mut given = events_of(&due(stores, 200).await);
    given.sort();
    assert_eq!(given, [events[1], events[3]]);
    disable(stores, instance, &late).await;
    assert_eq!(requeue(stores, instance, late.id, &since).await.queued, 0);
}

/// Each step looks at no more than it may, and together they cover everything once.
pub async fn a_replay_goes_step_by_step_over_what_there_was(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events: Vec<_> = (0..7).map(|n| in_lane(1 + n, i64::from(n))).collect();
    let events = append(stores, instance, &events).await;
    for replay in
        [Replay::Events(events.clone()), Replay::Dead(None), Replay::Since(build::moment(0))]
    {
        let dead: Vec<_> =
            due(stores, 1_000).await.iter().map(|one| (one.id, build::dead("no"))).collect();
        assert_eq!(dead.len(), 7, "{replay:?}");
        stores.settle(&dead).await;
        let (mut from, mut steps) = (0, Vec::new());
        loop {
            let (ledger, now) = (&stores.ledger, build::moment(100));
            let step = ledger.requeue(instance, webhook.id, &replay, from, 3, now).await.unwrap();
            steps.push(step.queued);
            let Some(next) = step.next else { break };
            assert!(next > from);
            from = next;
        }
        assert_eq!(steps, [3, 3, 1], "{replay:?}");
    }
}

/// From its head on, and from the middle.
pub async fn what_is_pending_can_be_dropped_and_its_lane_goes_on(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 1), in_lane(2, 2)]).await;
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Held).await, 0);
    let dropped = stores.ledger.discard(instance, webhook.id, DeliveryState::Pending, 1).await;
    assert_eq!(dropped.unwrap(), 1);
    assert_eq!(due(stores, 10).await.len(), 2);
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Pending).await, 2);
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await, []);
    let next = append(stores, instance, &[in_lane(1, 3)]).await;
    assert_eq!(events_of(&due(stores, 10).await), next);
}

/// What comes of it is passed over, and what comes later is not held up by it.
pub async fn what_is_dropped_while_it_is_tried_is_gone(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    let tried = stores.due(5, &Room::of(1, 1)).await;
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Pending).await, 2);
    let later = append(stores, instance, &[in_lane(1, 2)]).await;
    let retry = build::retry(build::moment(10));
    assert_eq!(stores.settle(&[(tried[0].id, retry)]).await, []);
    let given = due(stores, 10).await;
    assert_eq!((events_of(&given), given[0].attempts), (later.clone(), 0));
    assert_eq!(events_in(stores, instance, DeliveryState::Pending).await, later);
}

/// Only as what it is.
pub async fn what_is_held_can_be_dropped(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    append(stores, instance, &[in_lane(1, 0), in_lane(1, 1)]).await;
    disable(stores, instance, &webhook).await;
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Pending).await, 0);
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Held).await, 2);
    assert_eq!(events_in(stores, instance, DeliveryState::Held).await, []);
}

/// Nothing else goes.
pub async fn dead_letters_can_be_dropped(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    one_of_each(stores, instance).await;
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Dead).await, 1);
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Dead).await, 0);
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await.len(), 3);
}

/// It goes with its event.
pub async fn what_was_delivered_is_not_dropped(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    one_of_each(stores, instance).await;
    assert_eq!(discard(stores, instance, &webhook, DeliveryState::Delivered).await, 0);
    assert_eq!(list(stores, instance, &DeliveryFilter::default()).await.len(), 4);
}

/// The rest goes in the next call, the oldest first.
pub async fn dropping_is_bounded(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let events: Vec<_> = (0..5).map(|n| in_lane(1, n)).collect();
    let events = append(stores, instance, &events).await;
    let mut gone = Vec::new();
    for left in [3, 1, 0, 0] {
        let dropped = stores.ledger.discard(instance, webhook.id, DeliveryState::Pending, 2).await;
        gone.push(dropped.unwrap());
        let pending = events_in(stores, instance, DeliveryState::Pending).await;
        assert_eq!(pending, events[5 - left..]);
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

/// Nor in the name of another instance.
pub async fn nothing_is_dropped_of_other_webhooks_and_instances(stores: &Stores) {
    let (instance, webhook) = with_sink(stores).await;
    let quiet = stores.with_webhook(instance, "other").await;
    let other = stores.with_instance("other").await.id;
    append(stores, instance, &[in_lane(1, 0)]).await;
    assert_eq!(discard(stores, other, &webhook, DeliveryState::Pending).await, 0);
    assert_eq!(discard(stores, instance, &quiet, DeliveryState::Pending).await, 1);
    assert_eq!(due(stores, 10).await.len(), 1);
}

/// Of all instances together.
pub async fn depths_tell_how_much_is_where_and_since_when(stores: &Stores) {
    let depth = |state, count, oldest: Option<i64>| Depth {
        state,
        count,
        oldest: oldest.map(build::moment),
    };
    let expect = async |depths: [Depth; 3]| {
        let mut told = stores.ledger.depths().await.unwrap();
        told.retain(|depth| depth.count > 0);
        let mut expected = depths.to_vec();
        expected.retain(|depth| depth.count > 0);
        told.sort_by_key(|depth| depth.state.as_str());
        assert_eq!(told, expected);
    };
    let none = |state| depth(state, 0, None);
    let (dead, held, pending) = (DeliveryState::Dead, DeliveryState::Held, DeliveryState::Pending);
    expect([none(dead), none(held), none(pending)]).await;
    let (instance, _) = with_sink(stores).await;
    one_of_each(stores, instance).await;
    expect([depth(dead, 1, Some(3)), none(held), depth(pending, 2, Some(1))]).await;
    let other = stores.with_instance("other").await.id;
    let off = stores.with_webhook(other, "off").await;
    append(stores, other, &[in_lane(1, 7), in_lane(2, 8)]).await;
    disable(stores, other, &off).await;
    expect([depth(dead, 1, Some(3)), depth(held, 2, Some(7)), depth(pending, 2, Some(1))]).await;
}
