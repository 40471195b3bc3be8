//! What a [`MessageStore`](wharf_domain::ports::MessageStore) promises of messages of the past, and of figures.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_domain::{
    Error, Resource,
    address::Jid,
    instance::InstanceId,
    message::{Content, Media, MediaKind, Message, MessageStatus, StoredMessage},
    metrics::Metrics,
    ports::HistoricMessage,
};

use super::setting::at_once;
use crate::{Stores, build};

/// Makes a test of each thing a `MessageStore` promises of messages of the past, and of figures.
#[macro_export]
macro_rules! message_history_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(message_history, $stores, [$($attribute),*], [
            an_imported_message_comes_back_whole_and_makes_no_event,
            what_is_stored_already_is_not_imported_again,
            a_message_repeated_within_one_import_counts_once,
            an_import_goes_on_beside_appends,
            many_messages_are_imported_at_once,
            messages_of_the_past_of_no_instance_are_refused,
            an_event_of_an_imported_message_is_told,
            an_instance_without_messages_has_no_figures,
            every_figure_is_exact,
            every_kind_of_content_has_its_name,
            figures_are_of_one_instance,
            figures_follow_what_becomes_of_messages,
            the_boundaries_of_time_are_counted_in,
        ]);
    };
}

const DAY: i64 = 86_400;

fn person(number: u8) -> Jid {
    build::phone(&format!("551199999000{number}"))
}

fn group(number: u8) -> Jid {
    build::jid(&format!("12036300000000000{number}@g.us"))
}

fn past(message: Message, status: MessageStatus) -> HistoricMessage {
    HistoricMessage { message, raw: Bytes::from_static(b"raw of the past"), status }
}

fn received(message: Message) -> HistoricMessage {
    past(message, MessageStatus::Delivered)
}

fn at(seconds: i64, message: Message) -> Message {
    Message { timestamp: build::moment(seconds), ..message }
}

fn media(kind: MediaKind) -> Content {
    Content::Media(Media {
        kind,
        url: None,
        mime_type: None,
        file_name: None,
        caption: None,
        size: None,
        duration: None,
    })
}

async fn import(stores: &Stores, instance: InstanceId, messages: &[HistoricMessage]) -> u64 {
    stores.messages.import(instance, messages).await.unwrap()
}

async fn metrics(stores: &Stores, instance: InstanceId, now: i64) -> Metrics {
    stores.messages.metrics(instance, build::moment(now)).await.unwrap()
}

/// With the status it had then.
pub async fn an_imported_message_comes_back_whole_and_makes_no_event(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let messages = [
        past(at(-9 * DAY, build::outgoing(&person(1), "hi")), MessageStatus::Read),
        received(at(-8 * DAY, build::incoming(&person(1), "ho"))),
        past(build::outgoing(&group(1), "all"), MessageStatus::Failed),
    ];
    assert_eq!(import(stores, instance, &messages).await, 3);
    for HistoricMessage { message, raw, status } in messages {
        let id = message.id.clone();
        let expected = StoredMessage { message, status, failure: None, raw: Some(raw) };
        assert_eq!(stores.message(instance, &id).await, expected);
    }
    assert_eq!(stores.all_due().await, []);
    assert_eq!(import(stores, instance, &[]).await, 0);
}

/// Whether it was told, sent or imported before; nothing of it changes.
pub async fn what_is_stored_already_is_not_imported_again(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let told = build::incoming(&person(1), "told");
    stores.append_one(instance, build::message_event(told.clone())).await;
    let sent = build::outgoing(&person(1), "sent");
    stores.reserve(instance, &sent).await;
    let known = build::incoming(&person(2), "known");
    assert_eq!(import(stores, instance, &[received(known.clone())]).await, 1);
    let mut before = Vec::new();
    let mut again = Vec::new();
    for message in [told, sent, known] {
        before.push(stores.message(instance, &message.id).await);
        let changed = Message { content: Content::Text("changed".to_owned()), ..message };
        again.push(past(changed, MessageStatus::Played));
    }
    // The same id from somebody else is another message.
    let mut another = build::incoming(&person(3), "another");
    another.id = again[0].message.id.clone();
    another.timestamp = build::moment(-DAY);
    again.push(received(another));
    assert_eq!(import(stores, instance, &again).await, 1);
    for expected in before {
        assert_eq!(stores.message(instance, &expected.message.id).await, expected);
    }
    assert_eq!(import(stores, instance, &again).await, 0);
    assert_eq!(import(stores, other, &again).await, 4);
}

/// The first of them is kept.
pub async fn a_message_repeated_within_one_import_counts_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let first = build::incoming(&person(1), "first");
    let second = Message { content: Content::Text("second".to_owned()), ..first.clone() };
    assert_eq!(import(stores, instance, &[received(first.clone()), received(second)]).await, 1);
    assert_eq!(stores.message(instance, &first.id).await.message, first);
}

/// Whoever writes the same messages in whichever order: each is there once.
pub async fn an_import_goes_on_beside_appends(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let messages: Vec<_> = (0..40).map(|n| build::incoming(&person(n % 8), "hi")).collect();
    let outcomes = at_once(6, |index| {
        let (stores, mut messages) = (stores.clone(), messages.clone());
        messages.rotate_left(index * 7);
        if index % 2 == 0 {
            messages.reverse();
        }
        async move {
            if index % 3 == 0 {
                let events: Vec<_> = messages.into_iter().map(build::message_event).collect();
                stores.append(instance, &events).await;
                return 0;
            }
            let messages: Vec<_> = messages.into_iter().map(received).collect();
            import(&stores, instance, &messages).await
        }
    })
    .await;
    assert!(outcomes.iter().sum::<u64>() <= 40, "{outcomes:?}");
    assert_eq!(metrics(stores, instance, 0).await.total, 40);
}

/// More than one statement can write.
pub async fn many_messages_are_imported_at_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let messages: Vec<_> = (0..300).map(|_| received(build::incoming(&person(1), "hi"))).collect();
    assert_eq!(import(stores, instance, &messages[..100]).await, 100);
    assert_eq!(import(stores, instance, &messages).await, 200);
    assert_eq!(metrics(stores, instance, 0).await.total, 300);
}

/// It may have gone a moment ago.
pub async fn messages_of_the_past_of_no_instance_are_refused(stores: &Stores) {
    let nobody = InstanceId(build::uuid());
    let messages = [received(build::incoming(&person(1), "hi"))];
    let refusal = stores.messages.import(nobody, &messages).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
    assert_eq!(metrics(stores, nobody, 0).await, Metrics::default());
}

/// That it is known from the past keeps nothing from the sinks; its status does not go back.
pub async fn an_event_of_an_imported_message_is_told(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    stores.with_webhook(instance, "crm").await;
    let message = build::outgoing(&person(1), "hi");
    let known = past(message.clone(), MessageStatus::Read);
    assert_eq!(import(stores, instance, std::slice::from_ref(&known)).await, 1);
    assert!(stores.append_one(instance, build::message_event(message.clone())).await.is_new);
    assert_eq!(stores.all_due().await.len(), 1);
    let found = stores.message(instance, &message.id).await;
    assert_eq!((found.status, found.raw), (MessageStatus::Read, Some(known.raw)));
}

/// All is zero and no time is named.
pub async fn an_instance_without_messages_has_no_figures(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    assert_eq!(metrics(stores, instance, 0).await, Metrics::default());
}

/// Each of the sixteen.
pub async fn every_figure_is_exact(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let with = |content, message| Message { content, ..message };
    let status = "status@broadcast";
    let messages = [
        received(at(-40 * DAY, build::incoming(&person(1), "hi"))),
        received(at(-20 * DAY, with(media(MediaKind::VoiceNote), build::incoming(&person(1), "")))),
        past(at(-20 * DAY, build::outgoing(&person(1), "hi")), MessageStatus::Read),
        past(
            at(-3 * DAY, with(media(MediaKind::Image), build::outgoing(&group(1), ""))),
            MessageStatus::Sent,
        ),
        past(at(-2 * DAY, build::outgoing(&group(1), "hi")), MessageStatus::Read),
        past(at(-DAY, build::outgoing(&person(2), "hi")), MessageStatus::Failed),
        received(at(-5, with(media(MediaKind::VideoNote), build::incoming(&group(2), "")))),
        received(at(-4, with(media(MediaKind::Video), build::incoming(&group(2), "")))),
        received(at(-3, build::incoming(&build::jid(status), "seen?"))),
        received(at(-2, build::incoming(&build::jid("120363000000000009@newsletter"), "news"))),
        received(at(-1, build::incoming(&build::jid("42@lid"), "hi"))),
    ];
    assert_eq!(import(stores, instance, &messages).await, 11);
    let named = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let expected = Metrics {
        total: 11,
        received: 7,
        sent: 4,
        by_type: named(&[("audio", 1), ("image", 1), ("text", 7), ("video", 2)]),
        in_groups: 4,
        in_private: 5,
        with_media: 4,
        by_media: named(&[("image", 1), ("ptt", 1), ("ptv", 1), ("video", 1)]),
        by_status: BTreeMap::from([
            (MessageStatus::Failed, 1),
            (MessageStatus::Sent, 1),
            (MessageStatus::Read, 2),
        ]),
        chats: 7,
        groups: 2,
        contacts: 3,
        last_7_days: 8,
        last_30_days: 10,
        first_at: Some(build::moment(-40 * DAY)),
        last_at: Some(build::moment(-1)),
    };
    assert_eq!(metrics(stores, instance, 0).await, expected);
}

/// The one that events have for it.
pub async fn every_kind_of_content_has_its_name(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let target = build::message_id();
    let contents = [
        (Content::Text("hi".to_owned()), "text", None),
        (media(MediaKind::Image), "image", Some("image")),
        (media(MediaKind::Video), "video", Some("video")),
        (media(MediaKind::VideoNote), "video", Some("ptv")),
        (media(MediaKind::Audio), "audio", Some("audio")),
        (media(MediaKind::VoiceNote), "audio", Some("ptt")),
        (media(MediaKind::Document), "document", Some("document")),
        (media(MediaKind::Sticker), "sticker", Some("sticker")),
        (
            Content::Location { latitude: 1.0, longitude: 2.0, name: None, address: None },
            "location",
            None,
        ),
        (Content::Contacts(vec![]), "contact", None),
        (Content::Reaction { target: target.clone(), emoji: None }, "reaction", None),
        (Content::ButtonReply { id: "b".into(), text: "B".into() }, "buttons_response", None),
        (Content::ListReply { id: "l".into(), title: "L".into() }, "list_response", None),
        (
            Content::FlowReply { name: "f".into(), params: "{}".into(), text: "F".into() },
            "interactive",
            None,
        ),
        (Content::Poll { title: "?".into(), options: vec![], selectable: 0 }, "poll", None),
        (Content::PollVote { target: target.clone(), selected: vec![] }, "poll_vote", None),
        (Content::Edit { target: target.clone(), text: "e".into() }, "message_edit", None),
        (Content::Revoke { target }, "message_revoke", None),
        (Content::Other("pollCreationMessage".to_owned()), "pollCreationMessage", None),
        (Content::Other("eventMessage".to_owned()), "eventMessage", None),
    ];
    let (mut by_type, mut by_media) = (BTreeMap::new(), BTreeMap::new());
    for (content, name, media) in contents {
        let message = Message { content, ..build::incoming(&person(1), "") };
        stores.append_one(instance, build::message_event(message)).await;
        *by_type.entry(name.to_owned()).or_insert(0) += 1;
        if let Some(media) = media {
            *by_media.entry(media.to_owned()).or_insert(0) += 1;
        }
    }
    let told = metrics(stores, instance, 0).await;
    assert_eq!((told.by_type, told.by_media), (by_type, by_media));
}

/// Also where chats are the same.
pub async fn figures_are_of_one_instance(stores: &Stores) {
    let (one, two) = (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    for (instance, count) in [(one, 1), (two, 3)] {
        for _ in 0..count {
            let message = build::incoming(&person(1), "hi");
            stores.append_one(instance, build::message_event(message)).await;
        }
    }
    for (instance, total) in [(one, 1), (two, 3)] {
        let told = metrics(stores, instance, 0).await;
        assert_eq!((told.total, told.chats), (total, 1));
    }
}

/// From reserving it to the last receipt, and until it is pruned.
pub async fn figures_follow_what_becomes_of_messages(stores: &Stores) {
    use wharf_domain::event::ReceiptKind;
    let instance = stores.with_instance("sales").await.id;
    let message = build::outgoing(&person(1), "hi");
    let is = async |status| {
        let told = metrics(stores, instance, 0).await;
        assert_eq!((told.total, told.by_status), (1, BTreeMap::from([(status, 1)])));
    };
    stores.reserve(instance, &message).await;
    is(MessageStatus::Pending).await;
    stores.messages.fail(instance, &message.id, None).await.unwrap();
    is(MessageStatus::Failed).await;
    stores.append_one(instance, build::message_event(message.clone())).await;
    is(MessageStatus::Sent).await;
    let read = build::receipt_event(ReceiptKind::Read, &person(1), &[message.id]);
    stores.append_one(instance, read).await;
    is(MessageStatus::Read).await;
    let before = Some(build::moment(DAY));
    stores.messages.prune(before, build::moment(DAY), 10).await.unwrap();
    assert_eq!(metrics(stores, instance, DAY).await, Metrics::default());
}

/// A message of exactly seven days ago is one of the last seven days.
pub async fn the_boundaries_of_time_are_counted_in(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    for seconds in [-30 * DAY - 1, -30 * DAY, -7 * DAY - 1, -7 * DAY, 0] {
        let message = at(seconds, build::incoming(&person(1), "hi"));
        stores.append_one(instance, build::message_event(message)).await;
    }
    let told = metrics(stores, instance, 0).await;
    assert_eq!((told.last_7_days, told.last_30_days), (2, 4));
    let later = metrics(stores, instance, 1).await;
    assert_eq!((later.last_7_days, later.last_30_days), (1, 3));
}
