//! What an [`EventLog`](wharf_domain::ports::EventLog) tells of what it puts into the queue, if it does.

use wharf_domain::{
    delivery::SinkRef,
    event::{EventFilter, NewEvent},
    instance::InstanceId,
    ports::{Appended, Queued, QueuedDelivery, Room},
    webhook::{Webhook, WebhookTarget},
};

use super::{
    media_jobs::{held, picture, with_bucket},
    setting::{events_of, in_lane, of_sink},
};
use crate::{Stores, build};

/// Makes a test of each thing an `EventLog` promises of what it tells; a part of its contract.
#[doc(hidden)]
#[macro_export]
macro_rules! event_queuing_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(event_queuing, $stores, [$($attribute),*], [
            an_event_tells_of_the_deliveries_that_are_due,
            an_event_nobody_wants_tells_of_no_delivery,
            an_event_tells_what_was_the_last_in_its_lane,
            events_of_one_append_come_one_after_the_other,
            an_event_comes_after_what_waits_for_another_attempt,
            each_sink_has_its_own_last_one,
            nothing_is_told_of_a_repeated_event,
            what_is_held_for_its_media_is_not_told_of,
            what_is_not_held_is_told_of_though_it_has_media,
        ]);
    };
}

/// Appends an event and checks what is told of it, if anything is: a delivery to each of these sinks, after what was
/// the last there. Gives its sequence.
async fn append_after(
    stores: &Stores,
    instance: InstanceId,
    event: NewEvent,
    after: &[(SinkRef, Option<i64>)],
) -> i64 {
    let appended = stores.append_one(instance, event.clone()).await;
    assert!(appended.is_new);
    let given = stores.all_due().await;
    let given: Vec<_> = given.into_iter().filter(|one| one.event.id == event.id).collect();
    let deliveries = after.iter().map(|(sink, after)| {
        let own = given.iter().find(|one| one.sink == *sink).expect("the sink wants it");
        QueuedDelivery { id: own.id, sink: *sink, after: *after }
    });
    let deliveries = deliveries.collect();
    let sequence = stores.events.end(instance).await.unwrap();
    is_told(&appended, Queued { sequence, deliveries });
    sequence
}

/// Where the log tells at all.
fn is_told(appended: &Appended, mut expected: Queued) {
    if let Some(mut told) = appended.queued.clone() {
        for queued in [&mut told, &mut expected] {
            queued.deliveries.sort_by_key(|one| one.id);
        }
        assert_eq!(told, expected);
    }
}

async fn with_sink(stores: &Stores) -> (InstanceId, SinkRef) {
    let instance = stores.with_instance("sales").await.id;
    (instance, SinkRef::Webhook(stores.with_webhook(instance, "crm").await.id))
}

/// Settles everything that is due as delivered.
async fn deliver_all(stores: &Stores) {
    let given = stores.all_due().await;
    let delivered: Vec<_> = given.iter().map(|one| (one.id, build::delivered())).collect();
    stores.settle(&delivered).await;
}

/// One for each enabled sink that wants it, as they are given.
pub async fn an_event_tells_of_the_deliveries_that_are_due(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let one = stores.with_webhook(instance, "one").await;
    let two = stores.with_webhook(instance, "two").await;
    let off = Webhook { target: None, ..build::webhook("off") };
    stores.webhooks.upsert(instance, &off, build::moment(0)).await.unwrap();
    let target = WebhookTarget {
        events: EventFilter::parse(["label.update"]).unwrap(),
        ..build::target("http://127.0.0.1:9")
    };
    let other_kinds = Webhook { target: Some(target), ..build::webhook("labels") };
    stores.webhooks.upsert(instance, &other_kinds, build::moment(0)).await.unwrap();
    stores.with_webhook(stores.with_instance("other").await.id, "crm").await;
    let sinks = [one, two].map(|webhook| (SinkRef::Webhook(webhook.id), None));
    let event = in_lane(1, 5);
    append_after(stores, instance, event.clone(), &sinks).await;
    // They are due as soon as it is recorded, and nobody else has one.
    assert_eq!(stores.due(4, &Room::of(10, 10)).await, []);
    assert_eq!(events_of(&stores.due(5, &Room::of(10, 10)).await), [event.id, event.id]);
}

/// But of its place.
pub async fn an_event_nobody_wants_tells_of_no_delivery(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let first = append_after(stores, instance, in_lane(1, 0), &[]).await;
    let second = append_after(stores, instance, build::state_event(), &[]).await;
    assert!(first < second);
    assert_eq!(stores.all_due().await, []);
}

/// Nothing, once all of them are settled.
pub async fn an_event_tells_what_was_the_last_in_its_lane(stores: &Stores) {
    let (instance, sink) = with_sink(stores).await;
    let append = async |person, after| {
        append_after(stores, instance, in_lane(person, 0), &[(sink, after)]).await
    };
    let first = append(1, None).await;
    let second = append(1, Some(first)).await;
    append(2, None).await;
    let third = append(1, Some(second)).await;
    let given = stores.all_due().await;
    let of_first = given.iter().find(|one| one.event.sequence == first).unwrap();
    stores.settle(&[(of_first.id, build::delivered())]).await;
    append(1, Some(third)).await;
    for settlement in [build::delivered(), build::dead("status 400")] {
        let given = stores.all_due().await;
        let settled: Vec<_> = given.iter().map(|one| (one.id, settlement.clone())).collect();
        stores.settle(&settled).await;
        let first = append(1, None).await;
        append(1, Some(first)).await;
    }
}

/// As if each had been appended by itself.
pub async fn events_of_one_append_come_one_after_the_other(stores: &Stores) {
    let (instance, sink) = with_sink(stores).await;
    let first = append_after(stores, instance, in_lane(1, 0), &[(sink, None)]).await;
    let events = [in_lane(1, 0), in_lane(2, 0), in_lane(1, 0), in_lane(2, 0)];
    let appended = stores.append(instance, &events).await;
    let given = stores.all_due().await;
    assert_eq!(given.len(), 5);
    let own = |index: usize| given.iter().find(|one| one.event.id == events[index].id).unwrap();
    let sequence = |index| own(index).event.sequence;
    let after = [Some(first), None, Some(sequence(0)), Some(sequence(1))];
    for (index, after) in after.into_iter().enumerate() {
        let deliveries = vec![QueuedDelivery { id: own(index).id, sink, after }];
        is_told(&appended[index], Queued { sequence: sequence(index), deliveries });
    }
}

/// However long that has to wait.
pub async fn an_event_comes_after_what_waits_for_another_attempt(stores: &Stores) {
    let (instance, sink) = with_sink(stores).await;
    let first = append_after(stores, instance, in_lane(1, 0), &[(sink, None)]).await;
    let given = stores.all_due().await;
    stores.settle(&[(given[0].id, build::retry(build::moment(5_000)))]).await;
    append_after(stores, instance, in_lane(1, 1), &[(sink, Some(first))]).await;
    assert_eq!(stores.due(4_999, &Room::of(10, 10)).await, []);
}

/// One has delivered everything, and the other nothing.
pub async fn each_sink_has_its_own_last_one(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhooks =
        [stores.with_webhook(instance, "slow").await, stores.with_webhook(instance, "quick").await];
    let [slow, quick] = [0, 1].map(|index: usize| SinkRef::Webhook(webhooks[index].id));
    let none = [(slow, None), (quick, None)];
    let first = append_after(stores, instance, in_lane(1, 0), &none).await;
    let given = of_sink(&stores.all_due().await, &webhooks[1]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    let second =
        append_after(stores, instance, in_lane(1, 0), &[(slow, Some(first)), (quick, None)]).await;
    let both = [(slow, Some(second)), (quick, Some(second))];
    append_after(stores, instance, in_lane(1, 0), &both).await;
}

/// It put nothing into the queue, whether it is alone or not, and whatever became of the first.
pub async fn nothing_is_told_of_a_repeated_event(stores: &Stores) {
    let (instance, sink) = with_sink(stores).await;
    let event = in_lane(1, 0);
    append_after(stores, instance, event.clone(), &[(sink, None)]).await;
    let again = || NewEvent { id: build::state_event().id, ..event.clone() };
    for _ in 0..2 {
        for repeated in [vec![event.clone()], vec![again()], vec![again(), event.clone()]] {
            for appended in stores.append(instance, &repeated).await {
                let expected = Appended { id: event.id, is_new: false, queued: None };
                assert_eq!(appended, expected);
            }
        }
        deliver_all(stores).await;
        assert_eq!(stores.all_due().await, []);
    }
}

/// It is not due yet; what comes behind it in its lane comes after it.
pub async fn what_is_held_for_its_media_is_not_told_of(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let sink = SinkRef::Webhook(stores.webhooks.list(instance).await.unwrap()[0].id);
    let held = append_after(stores, instance, held(picture(1)), &[]).await;
    assert_eq!(stores.due(0, &Room::of(10, 10)).await, []);
    let text = build::message_event(build::incoming(&picture(1).chat.party.jid, "hi"));
    append_after(stores, instance, text, &[(sink, Some(held))]).await;
    append_after(stores, instance, in_lane(2, 0), &[(sink, None)]).await;
}

/// There is no bucket it could go to.
pub async fn what_is_not_held_is_told_of_though_it_has_media(stores: &Stores) {
    let (instance, sink) = with_sink(stores).await;
    append_after(stores, instance, held(picture(1)), &[(sink, None)]).await;
    assert_eq!(stores.due(0, &Room::of(10, 10)).await.len(), 1);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::InMemoryStore;

    /// The clauses are about something at least there.
    #[tokio::test]
    async fn the_log_in_memory_tells_of_each_new_event() {
        let stores = Stores::of(Arc::new(InMemoryStore::default()));
        let (instance, _) = with_sink(&stores).await;
        for appended in stores.append(instance, &[in_lane(1, 0), in_lane(1, 0)]).await {
            assert_eq!(appended.queued.map(|queued| queued.deliveries.len()), Some(1));
        }
    }
}
