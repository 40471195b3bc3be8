//! What a [`MessageStore`](wharf_domain::ports::MessageStore) promises.

use bytes::Bytes;
use wharf_domain::{
    Error, Resource,
    address::Party,
    instance::InstanceId,
    message::{
        Chat, ChatKind, ContactCard, Content, Media, MediaKind, Message, MessageStatus, Quote,
        StoredMessage,
    },
    ports::{OutgoingDraft, Reservation},
};

use super::setting::at_once;
use crate::{Stores, build};

/// Makes a test of each thing a `MessageStore` promises.
#[macro_export]
macro_rules! message_store_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(message_store, $stores, [$($attribute),*], [
            a_reserved_message_is_pending_and_comes_back_whole,
            a_message_of_no_instance_is_refused,
            a_message_id_is_reserved_once,
            a_known_idempotency_key_gives_the_message_of_then,
            what_an_idempotency_key_was_used_for_is_recalled,
            a_known_idempotency_key_with_another_request_is_refused,
            an_idempotency_key_is_known_for_a_day,
            idempotency_keys_of_instances_are_apart,
            of_concurrent_reservations_with_one_key_one_is_fresh,
            a_message_nobody_stored_is_not_found,
            the_newest_message_is_found_where_ids_clash,
            a_pending_message_can_fail,
            only_a_pending_message_of_ours_can_fail,
            only_messages_that_were_not_acknowledged_are_unacknowledged,
            names_are_the_last_ones_partners_gave_themselves,
            old_messages_are_pruned_and_young_ones_stay,
            nothing_is_pruned_by_age_without_a_limit_of_age,
            pruning_messages_leaves_the_log_alone,
            pruning_is_bounded,
            idempotency_keys_are_pruned_after_a_day,
        ]);
    };
}

fn keyed(message: Message, key: &str, fingerprint: u8) -> OutgoingDraft {
    let idempotency = Some((key.to_owned(), [fingerprint; 32]));
    OutgoingDraft { idempotency, ..build::draft(message) }
}

fn to_ana(text: &str) -> Message {
    build::outgoing(&build::phone("5511999990001"), text)
}

/// Messages that between them have all that a message can have.
fn all_sorts() -> Vec<Message> {
    let full = Message {
        chat: Chat {
            party: Party {
                jid: build::jid("120363000000000001@g.us"),
                lid: None,
                name: Some("Família 👪".to_owned()),
            },
            kind: ChatKind::Group,
            is_community: true,
        },
        sender: Party {
            jid: build::phone("5511999990000"),
            lid: Some(build::jid("42@lid")),
            name: Some("Ana".to_owned()),
        },
        quote: Some(Quote {
            message_id: build::message_id(),
            author: Some(build::phone("5511999990002")),
            text: "what was said".to_owned(),
        }),
        mentions: vec![build::phone("5511999990002"), build::jid("43@lid")],
        is_forwarded: true,
        ..to_ana("line one\nline two \u{0} \u{1F980}")
    };
    let media = |kind| Media {
        kind,
        url: Some("https://media.example.com/x".to_owned()),
        mime_type: Some("image/png".to_owned()),
        file_name: Some("x.png".to_owned()),
        caption: Some("look".to_owned()),
        size: Some(u64::from(u32::MAX) + 1),
        duration: Some(7),
    };
    let bare = Media {
        kind: MediaKind::Sticker,
        url: None,
        mime_type: None,
        file_name: None,
        caption: None,
        size: None,
        duration: None,
    };
    let target = build::message_id();
    let contents = vec![
        Content::Media(media(MediaKind::Image)),
        Content::Media(media(MediaKind::Video)),
        Content::Media(media(MediaKind::VideoNote)),
        Content::Media(media(MediaKind::Audio)),
        Content::Media(media(MediaKind::VoiceNote)),
        Content::Media(media(MediaKind::Document)),
        Content::Media(bare),
        Content::Location {
            latitude: -23.561_684,
            longitude: -46.655_981,
            name: Some("MASP".to_owned()),
            address: None,
        },
        Content::Contacts(vec![ContactCard {
            display_name: "Bia".to_owned(),
            vcard: "BEGIN:VCARD\r\nEND:VCARD".to_owned(),
        }]),
        Content::Reaction { target: target.clone(), emoji: Some("👍".to_owned()) },
        Content::Reaction { target: target.clone(), emoji: None },
        Content::ButtonReply { id: "b1".to_owned(), text: "Yes".to_owned() },
        Content::ListReply { id: "r1".to_owned(), title: "First".to_owned() },
        Content::Edit { target: target.clone(), text: "better".to_owned() },
        Content::Revoke { target },
        Content::Other("pollCreationMessage".to_owned()),
    ];
    let others = contents.into_iter().map(|content| Message { content, ..to_ana("") });
    std::iter::once(full).chain(others).collect()
}

/// Whatever it says.
pub async fn a_reserved_message_is_pending_and_comes_back_whole(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    for message in all_sorts() {
        for (message, raw) in [
            (message.clone(), Some(Bytes::from_static(b"\x00raw\xff"))),
            (Message { id: build::message_id(), ..message }, None),
        ] {
            let draft =
                OutgoingDraft { message: message.clone(), raw: raw.clone(), idempotency: None };
            let reserved = stores.messages.reserve(instance, &draft, build::moment(0)).await;
            assert_eq!(reserved.unwrap(), Reservation::Fresh);
            let expected =
                StoredMessage { message, status: MessageStatus::Pending, failure: None, raw };
            assert_eq!(stores.message(instance, &draft.message.id).await, expected);
        }
    }
}

/// The instance may have gone a moment ago.
pub async fn a_message_of_no_instance_is_refused(stores: &Stores) {
    let nobody = InstanceId(build::uuid());
    for draft in [build::draft(to_ana("hi")), keyed(to_ana("hi"), "key", 1)] {
        let refusal = stores.messages.reserve(nobody, &draft, build::moment(0)).await.unwrap_err();
        assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
    }
}

/// And the first stays.
pub async fn a_message_id_is_reserved_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let first = to_ana("first");
    stores.reserve(instance, &first).await;
    let second = Message { id: first.id.clone(), ..to_ana("second") };
    let draft = keyed(second, "key", 1);
    let refusal = stores.messages.reserve(instance, &draft, build::moment(0)).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Message)), "{refusal:?}");
    assert_eq!(stores.message(instance, &first.id).await.message, first);
    // The key was not written either.
    let third = keyed(to_ana("third"), "key", 1);
    let reserved = stores.messages.reserve(instance, &third, build::moment(0)).await.unwrap();
    assert_eq!(reserved, Reservation::Fresh);
}

/// As it now is, and nothing is written.
pub async fn a_known_idempotency_key_gives_the_message_of_then(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (first, second) = (keyed(to_ana("hi"), "key", 1), keyed(to_ana("hi"), "key", 1));
    let reserved = stores.messages.reserve(instance, &first, build::moment(0)).await.unwrap();
    assert_eq!(reserved, Reservation::Fresh);
    stores.append_one(instance, build::message_event(first.message.clone())).await;
    let again = stores.messages.reserve(instance, &second, build::moment(1)).await.unwrap();
    let Reservation::Known(known) = again else { panic!("{again:?}") };
    assert_eq!((known.message, known.status), (first.message, MessageStatus::Sent));
    assert_eq!(stores.messages.find(instance, &second.message.id).await.unwrap(), None);
}

/// With the same fingerprint, for a day, and by this instance alone.
pub async fn what_an_idempotency_key_was_used_for_is_recalled(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let draft = keyed(to_ana("hi"), "key", 1);
    let recall = async |instance, key: &str, fingerprint, seconds| {
        let now = build::moment(seconds);
        stores.messages.recall(instance, key, &[fingerprint; 32], now).await
    };
    assert_eq!(recall(instance, "key", 1, 0).await.unwrap(), None);
    stores.messages.reserve(instance, &draft, build::moment(0)).await.unwrap();
    stores.messages.fail(instance, &draft.message.id, Some(463)).await.unwrap();
    let recalled = recall(instance, "key", 1, 86_399).await.unwrap().expect("it was used");
    assert_eq!(recalled, stores.message(instance, &draft.message.id).await);
    assert_eq!(recalled.failure, Some(463));
    assert!(matches!(recall(instance, "key", 2, 86_399).await, Err(Error::IdempotencyMismatch)));
    assert_eq!(recall(instance, "key", 1, 86_400).await.unwrap(), None);
    assert_eq!(recall(instance, "key", 2, 86_400).await.unwrap(), None);
    assert_eq!(recall(instance, "another", 1, 0).await.unwrap(), None);
    assert_eq!(recall(other, "key", 1, 0).await.unwrap(), None);
}

/// And nothing is written; the first request may still be repeated.
pub async fn a_known_idempotency_key_with_another_request_is_refused(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (first, second) = (keyed(to_ana("hi"), "key", 1), keyed(to_ana("ho"), "key", 2));
    stores.messages.reserve(instance, &first, build::moment(0)).await.unwrap();
    let refusal = stores.messages.reserve(instance, &second, build::moment(1)).await.unwrap_err();
    assert!(matches!(refusal, Error::IdempotencyMismatch), "{refusal:?}");
    assert_eq!(stores.messages.find(instance, &second.message.id).await.unwrap(), None);
    let repeated = keyed(to_ana("hi"), "key", 1);
    let again = stores.messages.reserve(instance, &repeated, build::moment(2)).await.unwrap();
    assert!(matches!(again, Reservation::Known(_)));
}

/// Less than 24 hours; then it is as if it had never been used, and the day begins anew.
pub async fn an_idempotency_key_is_known_for_a_day(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let reserve = async |fingerprint, seconds| {
        let draft = keyed(to_ana("hi"), "key", fingerprint);
        stores.messages.reserve(instance, &draft, build::moment(seconds)).await
    };
    assert_eq!(reserve(1, 0).await.unwrap(), Reservation::Fresh);
    assert!(matches!(reserve(1, 86_399).await.unwrap(), Reservation::Known(_)));
    assert!(matches!(reserve(2, 86_399).await, Err(Error::IdempotencyMismatch)));
    assert_eq!(reserve(2, 86_400).await.unwrap(), Reservation::Fresh);
    assert!(matches!(reserve(1, 86_401).await, Err(Error::IdempotencyMismatch)));
    assert!(matches!(reserve(2, 2 * 86_400 - 1).await.unwrap(), Reservation::Known(_)));
}

/// The same key means something else elsewhere, and another key is another request.
pub async fn idempotency_keys_of_instances_are_apart(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    for (instance, key) in [(one, "key"), (other, "key"), (one, "KEY")] {
        let draft = keyed(to_ana("hi"), key, 1);
        let reserved = stores.messages.reserve(instance, &draft, build::moment(0)).await.unwrap();
        assert_eq!(reserved, Reservation::Fresh);
    }
}

/// The others are given its message.
pub async fn of_concurrent_reservations_with_one_key_one_is_fresh(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let outcomes = at_once(8, |_| {
        let messages = stores.messages.clone();
        async move {
            let draft = keyed(to_ana("hi"), "key", 1);
            let outcome = messages.reserve(instance, &draft, build::moment(0)).await.unwrap();
            (draft.message.id, outcome)
        }
    })
    .await;
    let (fresh, known): (Vec<_>, Vec<_>) =
        outcomes.into_iter().partition(|(_, outcome)| *outcome == Reservation::Fresh);
    assert_eq!(fresh.len(), 1);
    for (_, outcome) in known {
        let Reservation::Known(found) = outcome else { panic!("{outcome:?}") };
        assert_eq!(found.message.id, fresh[0].0);
    }
}

/// Not finding a message is an answer; another instance's is not found.
pub async fn a_message_nobody_stored_is_not_found(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let message = to_ana("hi");
    stores.reserve(one, &message).await;
    assert_eq!(stores.messages.find(other, &message.id).await.unwrap(), None);
    assert_eq!(stores.messages.find(one, &build::message_id()).await.unwrap(), None);
}

/// An id is unique within a chat and sender only; neither message overwrites the other.
pub async fn the_newest_message_is_found_where_ids_clash(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let id = build::message_id();
    for (number, seconds) in [("5511999990001", 20), ("5511999990002", 30), ("5511999990003", 10)] {
        let message = Message {
            id: id.clone(),
            timestamp: build::moment(seconds),
            ..build::incoming(&build::phone(number), number)
        };
        stores.append_one(instance, build::message_event(message)).await;
    }
    let found = stores.message(instance, &id).await;
    assert_eq!(found.message.content, Content::Text("5511999990002".to_owned()));
}

/// With WhatsApp's code, when there is one.
pub async fn a_pending_message_can_fail(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    for code in [Some(463), None] {
        let message = to_ana("hi");
        stores.reserve(instance, &message).await;
        stores.messages.fail(instance, &message.id, code).await.unwrap();
        let found = stores.message(instance, &message.id).await;
        assert_eq!((found.status, found.failure), (MessageStatus::Failed, code));
    }
}

/// Anything else stays as it is, and it is no error.
pub async fn only_a_pending_message_of_ours_can_fail(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let sent = to_ana("hi");
    stores.reserve(instance, &sent).await;
    stores.append_one(instance, build::message_event(sent.clone())).await;
    let failed = to_ana("hi");
    stores.reserve(instance, &failed).await;
    stores.messages.fail(instance, &failed.id, Some(463)).await.unwrap();
    let received = build::incoming(&build::phone("5511999990001"), "hi");
    stores.append_one(instance, build::message_event(received.clone())).await;
    for id in [&sent.id, &failed.id, &received.id] {
        let before = stores.message(instance, id).await;
        stores.messages.fail(instance, id, Some(500)).await.unwrap();
        assert_eq!(stores.message(instance, id).await, before);
    }
    stores.messages.fail(instance, &build::message_id(), None).await.unwrap();
}

/// Those without a name are left out; what we or others wrote in the chat does not matter.
pub async fn names_are_the_last_ones_partners_gave_themselves(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let [ana, bia, unnamed, silent] =
        ["5511999990001", "5511999990002", "5511999990003", "5511999990004"].map(build::phone);
    let says = async |instance, from: &wharf_domain::address::Jid, name: Option<&str>, seconds| {
        let mut message = build::incoming(from, "hi");
        message.sender.name = name.map(str::to_owned);
        message.timestamp = build::moment(seconds);
        stores.append_one(instance, build::message_event(message)).await;
    };
    says(instance, &ana, Some("Ana"), 10).await;
    says(instance, &ana, Some("Ana Maria"), 30).await;
    says(instance, &ana, Some("Aninha"), 20).await;
    says(instance, &ana, None, 40).await;
    says(instance, &bia, Some("Bia"), 10).await;
    says(other, &bia, Some("Beatriz"), 50).await;
    says(instance, &unnamed, None, 10).await;
    let mut ours = build::outgoing(&ana, "hi");
    (ours.sender.name, ours.timestamp) = (Some("Us".to_owned()), build::moment(50));
    stores.append_one(instance, build::message_event(ours)).await;

    let asked = [bia.clone(), silent, ana.clone(), unnamed];
    let mut names = stores.messages.names(instance, &asked).await.unwrap();
    names.sort();
    assert_eq!(names, [(ana, "Ana Maria".to_owned()), (bia, "Bia".to_owned())]);
    assert_eq!(stores.messages.names(instance, &[]).await.unwrap(), []);
}

/// Ours that are pending or failed; where ids clash the newest counts.
pub async fn only_messages_that_were_not_acknowledged_are_unacknowledged(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("sales").await.id, stores.with_instance("other").await.id);
    let [pending, failed, sent, clashing] = ["a", "b", "c", "d"].map(to_ana);
    for message in [&pending, &failed, &sent, &clashing] {
        stores.reserve(instance, message).await;
    }
    stores.messages.fail(instance, &failed.id, Some(500)).await.unwrap();
    stores.append_one(instance, build::message_event(sent.clone())).await;
    let received = build::incoming(&build::phone("5511999990001"), "hi");
    stores.append_one(instance, build::message_event(received.clone())).await;
    let newer = Message {
        id: clashing.id.clone(),
        timestamp: build::moment(100),
        ..build::incoming(&build::phone("5511999990002"), "hi")
    };
    stores.append_one(instance, build::message_event(newer)).await;
    let all = [&pending, &failed, &sent, &clashing, &received].map(|message| message.id.clone());
    let mut found = stores.messages.unacknowledged(instance, &all).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, [pending, failed]);
    assert_eq!(stores.messages.unacknowledged(other, &all).await.unwrap(), []);
    assert_eq!(stores.messages.unacknowledged(instance, &[]).await.unwrap(), []);
    assert_eq!(stores.messages.unacknowledged(instance, &all[2..]).await.unwrap(), []);
}

/// The boundary stays.
pub async fn old_messages_are_pruned_and_young_ones_stay(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let mut ids = Vec::new();
    for seconds in [99, 100, 101] {
        let message = Message { timestamp: build::moment(seconds), ..to_ana("hi") };
        stores.reserve(instance, &message).await;
        ids.push(message.id);
    }
    let gone = stores.messages.prune(Some(build::moment(100)), build::moment(200), 10).await;
    assert_eq!(gone.unwrap(), 1);
    let mut left = Vec::new();
    for id in &ids {
        left.push(stores.messages.find(instance, id).await.unwrap().is_some());
    }
    assert_eq!(left, [false, true, true]);
}

/// However old it is.
pub async fn nothing_is_pruned_by_age_without_a_limit_of_age(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let message = build::incoming(&build::phone("5511999990001"), "hi");
    let event = build::message_event(message.clone());
    stores.append_one(instance, event.clone()).await;
    assert_eq!(stores.messages.prune(None, build::moment(1_000_000_000), 10).await.unwrap(), 0);
    assert_eq!(stores.message(instance, &message.id).await.message, message);
    assert!(!stores.append_one(instance, event).await.is_new);
}

/// However old it is: the log has a retention of its own.
pub async fn pruning_messages_leaves_the_log_alone(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let event = build::message_event(build::incoming(&build::phone("5511999990001"), "hi"));
    stores.append_one(instance, event.clone()).await;
    let before = Some(build::moment(50));
    assert_eq!(stores.messages.prune(before, build::moment(200), 10).await.unwrap(), 1);
    assert!(!stores.append_one(instance, event).await.is_new);
}

/// At most `limit` messages in one call; the rest goes in the next.
pub async fn pruning_is_bounded(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let events: Vec<_> = (0..5)
        .map(|_| build::message_event(build::incoming(&build::phone("5511999990001"), "hi")))
        .collect();
    stores.append(instance, &events).await;
    let mut gone = Vec::new();
    for _ in 0..4 {
        let before = Some(build::moment(50));
        gone.push(stores.messages.prune(before, build::moment(60), 2).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

/// Whatever the limit of age.
pub async fn idempotency_keys_are_pruned_after_a_day(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    for (key, seconds) in [("old", 0), ("young", 1)] {
        let draft = keyed(to_ana("hi"), key, 1);
        stores.messages.reserve(instance, &draft, build::moment(seconds)).await.unwrap();
    }
    assert_eq!(stores.messages.prune(None, build::moment(86_400), 10).await.unwrap(), 1);
    let draft = keyed(to_ana("hi"), "young", 1);
    let again = stores.messages.reserve(instance, &draft, build::moment(86_400)).await.unwrap();
    assert!(matches!(again, Reservation::Known(_)));
    let draft = keyed(to_ana("hi"), "old", 2);
    let again = stores.messages.reserve(instance, &draft, build::moment(0)).await.unwrap();
    assert_eq!(again, Reservation::Fresh);
}
