//! What an [`EventLog`](wharf_domain::ports::EventLog) promises.

use bytes::Bytes;
use wharf_domain::{
    Error, Resource,
    delivery::SinkRef,
    event::{EventBody, EventFilter, EventKey, NewEvent, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{Content, Message, MessageStatus, StoredMessage},
    pairing::QrCode,
    ports::OutgoingDraft,
    state::StateChange,
    webhook::{Webhook, WebhookTarget},
};

use super::setting::{at_once, of_sink};
use crate::{Stores, build};

/// Makes a test of each thing an `EventLog` promises.
#[macro_export]
macro_rules! event_log_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::event_queuing_contract!($stores $(, #[$attribute])*);
        $crate::contract!(event_log, $stores, [$($attribute),*], [
            an_appended_event_reaches_each_sink_whole,
            events_are_recorded_in_their_order_with_growing_sequences,
            concurrent_appends_never_share_a_sequence,
            nothing_is_recorded_for_no_instance,
            nothing_to_append_is_nothing,
            a_received_message_is_stored_with_its_event,
            an_event_whose_key_is_known_changes_nothing,
            an_append_can_be_repeated,
            keys_repeated_within_one_append_count_once,
            keys_of_instances_are_apart,
            an_event_without_a_key_is_always_new,
            of_concurrent_appends_of_one_key_one_is_new,
            the_event_of_a_message_we_sent_settles_it,
            the_event_of_a_message_we_sent_proves_a_failure_wrong,
            the_event_of_a_message_we_sent_does_not_lower_its_status,
            a_message_typed_on_the_phone_is_stored_as_sent,
            a_message_of_another_sender_with_the_same_id_is_another_message,
            receipts_move_a_status_only_forward,
            receipts_speak_of_several_messages,
            a_receipt_proves_a_failure_wrong,
            receipts_about_ourselves_change_nothing,
            a_receipt_does_not_touch_what_we_received,
            a_receipt_follows_its_message_within_one_append,
            a_disabled_webhook_gets_nothing,
            a_filter_is_read_when_the_event_is_recorded,
            a_webhook_added_later_gets_only_what_happens_then,
            sinks_of_other_instances_get_nothing,
        ]);
    };
}

fn ana() -> wharf_domain::address::Jid {
    build::phone("5511999990001")
}

fn from_ana(text: &str) -> NewEvent {
    build::message_event(build::incoming(&ana(), text))
}

fn changes_of_the_link() -> Vec<StateChange> {
    let (jid, lid) = (ana(), Some(build::jid("42@lid")));
    let reason = "because".to_owned();
    vec![
        StateChange::Connected { jid: jid.clone(), lid: lid.clone() },
        StateChange::Connected { jid: jid.clone(), lid: None },
        StateChange::Disconnected { reason: reason.clone() },
        StateChange::LoggedOut { reason: reason.clone() },
        StateChange::StreamReplaced,
        StateChange::TempBanned { code: 402, until: build::moment(3600) },
        StateChange::ClientOutdated,
        StateChange::ConnectFailure { code: 403, reason: reason.clone() },
        StateChange::StreamError { code: "503".to_owned() },
        StateChange::CatRefreshError { code: 413 },
        StateChange::QrReady { codes: vec![QrCode::new("2@a".into()), QrCode::new("2@b".into())] },
        StateChange::PairSuccess {
            jid,
            lid,
            platform: "android".to_owned(),
            business_name: Some("Loja".to_owned()),
        },
        StateChange::PairError { reason },
        StateChange::QrScannedWithoutMultidevice,
        StateChange::KeepaliveTimeout,
        StateChange::KeepaliveRestored,
        StateChange::ManualReconnect,
    ]
}

/// With its id, sequence, time and body, whatever happened.
pub async fn an_appended_event_reaches_each_sink_whole(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (one, two) =
        (stores.with_webhook(instance, "one").await, stores.with_webhook(instance, "two").await);
    let full = EventBody::Receipt(Receipt {
        kind: ReceiptKind::Played,
        message_ids: vec![build::message_id(), build::message_id()],
        chat: build::chat(build::jid("120363000000000001@g.us")),
        from: build::party(ana(), Some("Ana")),
        author: Some(build::phone("5511999990009")),
        timestamp: build::moment(44),
    });
    let kinds = [
        ReceiptKind::Delivered,
        ReceiptKind::Read,
        ReceiptKind::Sender,
        ReceiptKind::ReadSelf,
        ReceiptKind::PlayedSelf,
        ReceiptKind::Retry,
        ReceiptKind::Inactive,
        ReceiptKind::ServerError,
    ];
    let mut events = vec![from_ana("hi"), build::event(full)];
    events.extend(kinds.map(|kind| build::receipt_event(kind, &ana(), &[build::message_id()])));
    events.extend(changes_of_the_link().into_iter().map(|one| build::event(EventBody::State(one))));
    for (event, seconds) in events.iter_mut().zip(10..) {
        event.recorded_at = build::moment(seconds);
    }
    stores.append(instance, &events).await;
    let deliveries = stores.all_due().await;
    for webhook in [one, two] {
        let mut given = of_sink(&deliveries, &webhook);
        given.sort_by_key(|delivery| delivery.event.sequence);
        assert_eq!(given.len(), events.len());
        for (delivery, expected) in given.iter().zip(&events) {
            assert_eq!(delivery.event.id, expected.id);
            assert_eq!(delivery.event.instance, instance);
            assert_eq!(delivery.event.recorded_at, expected.recorded_at);
            assert_eq!(delivery.event.body, expected.body);
            assert_eq!(delivery.lane, expected.body.lane());
            assert_eq!(delivery.attempts, 0);
            assert_eq!(delivery.sink, SinkRef::Webhook(webhook.id));
        }
    }
}

/// Within one call and from call to call.
pub async fn events_are_recorded_in_their_order_with_growing_sequences(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let mut expected = Vec::new();
    for count in [3, 1, 2] {
        let events: Vec<_> = (0..count).map(|_| build::state_event()).collect();
        let appended = stores.append(instance, &events).await;
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        assert_eq!(appended.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
        assert!(appended.iter().all(|one| one.is_new));
        expected.extend(ids);
    }
    let events: Vec<_> = stores.all_due().await.into_iter().map(|one| one.event).collect();
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), expected);
    assert!(events.is_sorted_by(|earlier, later| earlier.sequence < later.sequence));
}

/// A sequence is taken by the step that writes the event.
pub async fn concurrent_appends_never_share_a_sequence(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    at_once(8, |_| {
        let events = stores.events.clone();
        async move {
            let batch = [build::state_event(), from_ana("hi"), build::state_event()];
            events.append(instance, &batch).await.unwrap()
        }
    })
    .await;
    let due = stores.all_due().await;
    let mut sequences: Vec<_> = due.iter().map(|delivery| delivery.event.sequence).collect();
    assert_eq!(sequences.len(), 24);
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), 24);
}

/// The instance may have gone a moment ago.
pub async fn nothing_is_recorded_for_no_instance(stores: &Stores) {
    let nobody = InstanceId(build::uuid());
    let refusal = stores.events.append(nobody, &[from_ana("hi")]).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
}

/// And no error.
pub async fn nothing_to_append_is_nothing(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    assert_eq!(stores.append(instance, &[]).await, []);
}

/// In the same step, as delivered to us.
pub async fn a_received_message_is_stored_with_its_event(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::incoming(&ana(), "hi");
    stores.append_one(instance, build::message_event(message.clone())).await;
    let expected = StoredMessage {
        message: message.clone(),
        status: MessageStatus::Delivered,
        failure: None,
        raw: Some(Bytes::from_static(b"raw of the event")),
    };
    assert_eq!(stores.message(instance, &message.id).await, expected);
}

/// Neither log nor message nor deliveries; it is told the id of then.
pub async fn an_event_whose_key_is_known_changes_nothing(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let first = from_ana("first");
    stores.append_one(instance, first.clone()).await;
    let EventBody::Message(message) = &first.body else { panic!("{first:?}") };
    let changed = Message { content: Content::Text("other".to_owned()), ..(**message).clone() };
    let again =
        NewEvent { id: build::event(first.body.clone()).id, ..build::message_event(changed) };
    let between = build::state_event();
    let appended = stores.append(instance, &[again, between.clone()]).await;
    assert_eq!(appended.iter().map(|one| one.is_new).collect::<Vec<_>>(), [false, true]);
    assert_eq!(appended.iter().map(|one| one.id).collect::<Vec<_>>(), [first.id, between.id]);
    assert_eq!(stores.message(instance, &message.id).await.message, **message);
    let mut delivered: Vec<_> = stores.all_due().await.iter().map(|one| one.event.id).collect();
    delivered.sort_unstable();
    assert_eq!(delivered, [first.id, between.id]);
}

/// When its answer was lost: it is the very same event, and nothing happens a second time.
pub async fn an_append_can_be_repeated(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let message = build::outgoing(&ana(), "hi");
    let events = [build::message_event(message.clone()), from_ana("one"), from_ana("two")];
    let read = build::receipt_event(ReceiptKind::Read, &ana(), std::slice::from_ref(&message.id));
    stores.append_one(instance, events[0].clone()).await;
    stores.append_one(instance, read).await;
    stores.append(instance, &events[1..]).await;
    for again in [&events[..1], &events[1..], &events[..]] {
        let appended = stores.append(instance, again).await;
        assert!(appended.iter().all(|one| !one.is_new), "{appended:?}");
        assert!(appended.iter().map(|one| one.id).eq(again.iter().map(|event| event.id)));
    }
    assert_eq!(stores.message(instance, &message.id).await.status, MessageStatus::Read);
    assert_eq!(stores.all_due().await.len(), 4);
}

/// The first of them is recorded.
pub async fn keys_repeated_within_one_append_count_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let first = from_ana("first");
    let again = NewEvent { key: first.key.clone(), ..from_ana("again") };
    let appended = stores.append(instance, &[first.clone(), again]).await;
    assert_eq!(appended.iter().map(|one| one.is_new).collect::<Vec<_>>(), [true, false]);
    assert!(appended.iter().all(|one| one.id == first.id));
    assert_eq!(stores.all_due().await.len(), 1);
}

/// What one instance has seen is new to another.
pub async fn keys_of_instances_are_apart(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let event = from_ana("hi");
    assert!(stores.append_one(one, event.clone()).await.is_new);
    let same = NewEvent { id: build::state_event().id, ..event };
    assert!(stores.append_one(other, same).await.is_new);
}

/// However alike two are.
pub async fn an_event_without_a_key_is_always_new(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let appended = stores.append(instance, &[build::state_event(), build::state_event()]).await;
    assert!(appended.iter().all(|one| one.is_new));
    assert!(stores.append_one(instance, build::state_event()).await.is_new);
    assert_eq!(stores.all_due().await.len(), 3);
}

/// The others are told its id.
pub async fn of_concurrent_appends_of_one_key_one_is_new(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let body = from_ana("hi").body;
    let appended = at_once(8, |_| {
        let (events, body) = (stores.events.clone(), body.clone());
        let event = NewEvent { key: Some(EventKey("key".to_owned())), ..build::event(body) };
        async move { events.append(instance, &[event]).await.unwrap().remove(0) }
    })
    .await;
    let new: Vec<_> = appended.iter().filter(|one| one.is_new).collect();
    assert_eq!(new.len(), 1);
    assert!(appended.iter().all(|one| one.id == new[0].id), "{appended:?}");
}

/// It gets the event's content and time, and keeps its encoding where it has one.
pub async fn the_event_of_a_message_we_sent_settles_it(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    for (raw, kept) in [(Some("raw"), "raw"), (None, "raw of the event")] {
        let message = build::outgoing(&ana(), "draft");
        let raw = raw.map(Bytes::from);
        let draft = OutgoingDraft { raw, ..build::draft(message.clone()) };
        stores.messages.reserve(instance, &draft, build::moment(0)).await.unwrap();
        let sent = Message {
            content: Content::Text("final".to_owned()),
            timestamp: build::moment(33),
            ..message.clone()
        };
        stores.append_one(instance, build::message_event(sent.clone())).await;
        let expected = StoredMessage {
            message: sent,
            status: MessageStatus::Sent,
            failure: None,
            raw: Some(Bytes::from(kept)),
        };
        assert_eq!(stores.message(instance, &message.id).await, expected);
    }
}

/// It was not refused after all.
pub async fn the_event_of_a_message_we_sent_proves_a_failure_wrong(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &message).await;
    stores.messages.fail(instance, &message.id, Some(500)).await.unwrap();
    stores.append_one(instance, build::message_event(message.clone())).await;
    let found = stores.message(instance, &message.id).await;
    assert_eq!((found.status, found.failure), (MessageStatus::Sent, None));
}

/// A receipt may be faster.
pub async fn the_event_of_a_message_we_sent_does_not_lower_its_status(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &message).await;
    let ids = [message.id.clone()];
    stores.append_one(instance, build::receipt_event(ReceiptKind::Read, &ana(), &ids)).await;
    stores.append_one(instance, build::message_event(message.clone())).await;
    assert_eq!(stores.message(instance, &message.id).await.status, MessageStatus::Read);
}

/// It needs no reservation.
pub async fn a_message_typed_on_the_phone_is_stored_as_sent(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "typed");
    stores.append_one(instance, build::message_event(message.clone())).await;
    let found = stores.message(instance, &message.id).await;
    assert_eq!((found.status, found.message), (MessageStatus::Sent, message));
}

/// Nobody can overwrite what somebody else wrote by choosing its id.
pub async fn a_message_of_another_sender_with_the_same_id_is_another_message(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let ours = build::outgoing(&ana(), "ours");
    stores.reserve(instance, &ours).await;
    let theirs = Message {
        id: ours.id.clone(),
        timestamp: build::moment(-100),
        ..build::incoming(&ana(), "theirs")
    };
    stores.append_one(instance, build::message_event(theirs)).await;
    let found = stores.message(instance, &ours.id).await;
    assert_eq!((found.status, found.message), (MessageStatus::Pending, ours));
}

/// From pending on; a later receipt of less changes nothing.
pub async fn receipts_move_a_status_only_forward(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &message).await;
    let ids = [message.id.clone()];
    let steps = [
        (ReceiptKind::Delivered, MessageStatus::Delivered),
        (ReceiptKind::Read, MessageStatus::Read),
        (ReceiptKind::Delivered, MessageStatus::Read),
        (ReceiptKind::Inactive, MessageStatus::Read),
        (ReceiptKind::Played, MessageStatus::Played),
        (ReceiptKind::Read, MessageStatus::Played),
    ];
    for (kind, expected) in steps {
        stores.append_one(instance, build::receipt_event(kind, &ana(), &ids)).await;
        assert_eq!(stores.message(instance, &message.id).await.status, expected, "{kind:?}");
    }
    let other = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &other).await;
    let receipt =
        build::receipt_event(ReceiptKind::Inactive, &ana(), std::slice::from_ref(&other.id));
    stores.append_one(instance, receipt).await;
    assert_eq!(stores.message(instance, &other.id).await.status, MessageStatus::Delivered);
}

/// Those of them that we do not have do not matter.
pub async fn receipts_speak_of_several_messages(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let [first, second, unspoken] = ["a", "b", "c"].map(|text| build::outgoing(&ana(), text));
    for message in [&first, &second, &unspoken] {
        stores.reserve(instance, message).await;
        stores.reserve(other, message).await;
    }
    let ids = [first.id.clone(), build::message_id(), second.id.clone()];
    stores.append_one(instance, build::receipt_event(ReceiptKind::Read, &ana(), &ids)).await;
    for (message, expected) in [
        (&first, MessageStatus::Read),
        (&second, MessageStatus::Read),
        (&unspoken, MessageStatus::Pending),
    ] {
        assert_eq!(stores.message(instance, &message.id).await.status, expected);
        assert_eq!(stores.message(other, &message.id).await.status, MessageStatus::Pending);
    }
}

/// It was not refused after all.
pub async fn a_receipt_proves_a_failure_wrong(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &message).await;
    stores.messages.fail(instance, &message.id, Some(500)).await.unwrap();
    let ids = [message.id.clone()];
    stores.append_one(instance, build::receipt_event(ReceiptKind::Delivered, &ana(), &ids)).await;
    let found = stores.message(instance, &message.id).await;
    assert_eq!((found.status, found.failure), (MessageStatus::Delivered, None));
}

/// That we read something, or that a message is asked for again, is no progress of it.
pub async fn receipts_about_ourselves_change_nothing(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "hi");
    stores.reserve(instance, &message).await;
    let ids = [message.id.clone()];
    for kind in [
        ReceiptKind::Sender,
        ReceiptKind::ReadSelf,
        ReceiptKind::PlayedSelf,
        ReceiptKind::Retry,
        ReceiptKind::ServerError,
    ] {
        let appended = stores.append_one(instance, build::receipt_event(kind, &ana(), &ids)).await;
        assert!(appended.is_new);
        let status = stores.message(instance, &message.id).await.status;
        assert_eq!(status, MessageStatus::Pending, "{kind:?}");
    }
}

/// Only messages we sent have a progress that others report.
pub async fn a_receipt_does_not_touch_what_we_received(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::incoming(&ana(), "hi");
    stores.append_one(instance, build::message_event(message.clone())).await;
    let ids = [message.id.clone()];
    stores.append_one(instance, build::receipt_event(ReceiptKind::Read, &ana(), &ids)).await;
    assert_eq!(stores.message(instance, &message.id).await.status, MessageStatus::Delivered);
}

/// Events take effect in their order.
pub async fn a_receipt_follows_its_message_within_one_append(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&ana(), "typed");
    let ids = [message.id.clone()];
    let events = [
        build::message_event(message.clone()),
        build::receipt_event(ReceiptKind::Read, &ana(), &ids),
        NewEvent { key: None, ..build::message_event(message.clone()) },
    ];
    stores.append(instance, &events).await;
    assert_eq!(stores.message(instance, &message.id).await.status, MessageStatus::Read);
}

/// Its configuration is gone, so nothing waits for it.
pub async fn a_disabled_webhook_gets_nothing(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let off = Webhook { target: None, ..build::webhook("off") };
    stores.webhooks.upsert(instance, &off, build::moment(0)).await.unwrap();
    stores.append_one(instance, build::state_event()).await;
    assert_eq!(stores.all_due().await, []);
}

/// A later change of it neither adds nor removes.
pub async fn a_filter_is_read_when_the_event_is_recorded(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let wanting = |names: &[&str]| Webhook {
        target: Some(WebhookTarget {
            events: EventFilter::parse(names.iter().copied()).unwrap(),
            ..build::target("http://127.0.0.1:9")
        }),
        ..build::webhook("crm")
    };
    let mut expected = Vec::new();
    for (filter, wants_messages) in [
        (&["message.exchange", "label.update"][..], true),
        (&["instance.state"], false),
        (&[], true),
        (&["call.update"], false),
    ] {
        stores.webhooks.upsert(instance, &wanting(filter), build::moment(0)).await.unwrap();
        let event = from_ana("hi");
        if wants_messages {
            expected.push(event.id);
        }
        stores.append_one(instance, event).await;
    }
    let due = stores.all_due().await;
    assert_eq!(due.iter().map(|one| one.event.id).collect::<Vec<_>>(), expected);
}

/// Not what was recorded before.
pub async fn a_webhook_added_later_gets_only_what_happens_then(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.append_one(instance, build::state_event()).await;
    stores.with_webhook(instance, "late").await;
    let event = build::state_event();
    stores.append_one(instance, event.clone()).await;
    let due = stores.all_due().await;
    assert_eq!(due.iter().map(|one| one.event.id).collect::<Vec<_>>(), [event.id]);
}

/// Nor what happens to them.
pub async fn sinks_of_other_instances_get_nothing(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    stores.with_webhook(other, "crm").await;
    stores.append_one(one, build::state_event()).await;
    assert_eq!(stores.all_due().await, []);
}
