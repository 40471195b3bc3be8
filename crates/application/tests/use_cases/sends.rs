//! Sends: acknowledged, refused, unanswered, repeated.

use wharf_domain::{
    Error,
    event::{Event, EventBody, ReceiptKind},
    message::{Content, MessageStatus, SendText},
    ports::{MessageStore, SessionEvent},
};
use wharf_testkit::build;

use crate::World;

fn text(words: &str) -> SendText {
    SendText::parse("5511999990002", words.to_owned(), None, None, None).unwrap()
}

fn key() -> String {
    "order-17".to_owned()
}

fn texts(events: &[Event]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match &event.body {
        EventBody::Message(message) => Some(message.content.text().to_owned()),
        _ => None,
    });
    texts.collect()
}

async fn until_text(world: &World, wanted: &str) {
    for _ in 0..10_000 {
        if texts(&world.sink.delivered()).iter().any(|text| text == wanted) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no event of `{wanted}`: {:?}", texts(&world.sink.delivered()));
}

#[tokio::test]
async fn a_send_answers_after_the_acknowledgement_and_is_told() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let sent = world.services.messages.send_text(&instance, text("hello"), None).await.unwrap();
    assert_eq!(sent.content, Content::Text("hello".to_owned()));
    assert_eq!(sent.source.as_deref(), Some("api"));
    let stored = MessageStore::find(&*world.store, instance.id, &sent.id).await.unwrap().unwrap();
    assert_eq!(stored.status, MessageStatus::Sent);
    until_text(&world, "hello").await;
}

#[tokio::test]
async fn nothing_is_sent_without_a_connection_or_to_nobody() {
    let world = World::started().await;
    let fresh = world.instance("fresh").await;
    let refused = world.services.messages.send_text(&fresh, text("hello"), None).await;
    assert!(matches!(refused, Err(Error::NotConnected)), "{refused:?}");
    let (instance, _) = world.connected("sales").await;
    for form in wharf_domain::address::PhoneNumber::parse("5511999990002").unwrap().forms() {
        world.whatsapp.unregister(&form);
    }
    let refused = world.services.messages.send_text(&instance, text("hello"), None).await;
    assert!(matches!(refused, Err(Error::NotRegistered(_))), "{refused:?}");
    assert!(world.whatsapp.sent().is_empty());
}

#[tokio::test]
async fn a_refusal_is_kept_and_repeated_under_its_key() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.whatsapp.refuse(&build::phone("5511999990002"), 463);
    for _ in 0..2 {
        let refused =
            world.services.messages.send_text(&instance, text("hello"), Some(key())).await;
        assert!(matches!(refused, Err(Error::Refused { code: 463 })), "{refused:?}");
    }
}

#[tokio::test]
async fn silence_is_no_success_until_a_receipt_proves_it() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let bia = build::phone("5511999990002");
    world.whatsapp.set_silent(&bia, true);
    for _ in 0..2 {
        let silent = world.services.messages.send_text(&instance, text("hello"), Some(key())).await;
        assert!(matches!(silent, Err(Error::NotAcknowledged)), "{silent:?}");
    }
    let sent = world.whatsapp.sent();
    assert_eq!(sent.len(), 1, "the repeat sent nothing");
    assert!(texts(&world.sink.delivered()).is_empty());
    let receipt = build::receipt_event(ReceiptKind::Delivered, &bia, &[sent[0].1.id.clone()]);
    let EventBody::Receipt(receipt) = receipt.body else { unreachable!("it was built as one") };
    let key_of = wharf_domain::event::EventKey("receipt".to_owned());
    session.emit(SessionEvent::Receipt { key: key_of, receipt });
    until_text(&world, "hello").await;
    let answer =
        world.services.messages.send_text(&instance, text("hello"), Some(key())).await.unwrap();
    assert_eq!(answer.id, sent[0].1.id);
}

#[tokio::test]
async fn a_late_acknowledgement_settles_the_message_once() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.whatsapp.set_silent(&build::phone("5511999990002"), true);
    let silent = world.services.messages.send_text(&instance, text("hello"), None).await;
    assert!(matches!(silent, Err(Error::NotAcknowledged)), "{silent:?}");
    let id = world.whatsapp.sent()[0].1.id.clone();
    for _ in 0..2 {
        session.emit(SessionEvent::LateAck { id: id.clone(), timestamp: None, refused: None });
    }
    until_text(&world, "hello").await;
    session.receive(build::incoming(&build::phone("5511999990003"), "afterwards")).await.unwrap();
    until_text(&world, "afterwards").await;
    assert_eq!(texts(&world.sink.delivered()), ["hello", "afterwards"]);
}

#[tokio::test]
async fn one_key_is_one_message_also_when_requests_race() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let messages = &world.services.messages;
    let (one, two) = tokio::join!(
        messages.send_text(&instance, text("hello"), Some(key())),
        messages.send_text(&instance, text("hello"), Some(key()))
    );
    assert_eq!(one.unwrap().id, two.unwrap().id);
    assert_eq!(world.whatsapp.sent().len(), 1);
    let other = messages.send_text(&instance, text("something else"), Some(key())).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)), "{other:?}");
}

#[tokio::test]
async fn what_was_written_and_never_sent_is_sent_by_the_repeat() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.whatsapp.set_silent(&build::phone("5511999990002"), true);
    let silent = world.services.messages.send_text(&instance, text("hello"), Some(key())).await;
    assert!(silent.is_err());
    world.services.stop().await;
    // The next process knows nothing of that attempt: for all it can tell, nothing was ever sent.
    world.whatsapp.set_silent(&build::phone("5511999990002"), false);
    let after = World::on(world.store.clone(), world.whatsapp.clone()).await;
    after.services.start().await.unwrap();
    after.until(&instance, wharf_domain::state::ConnectionState::Connected).await;
    let sent =
        after.services.messages.send_text(&instance, text("hello"), Some(key())).await.unwrap();
    let ids: Vec<_> = world.whatsapp.sent().into_iter().map(|(_, outgoing)| outgoing.id).collect();
    assert_eq!(ids, [sent.id.clone(), sent.id], "under the same id, so that a phone shows it once");
}

#[tokio::test]
async fn a_reply_quotes_a_stored_message_and_no_other() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let question = build::incoming(&build::phone("5511999990002"), "do you deliver?");
    session.receive(question.clone()).await.unwrap();
    let reply = |id: &str| {
        SendText::parse("5511999990002", "we do".to_owned(), Some(id), None, None).unwrap()
    };
    let messages = &world.services.messages;
    let sent = messages.send_text(&instance, reply(question.id.as_str()), None).await.unwrap();
    let quote = sent.quote.unwrap();
    assert_eq!((quote.message_id, quote.text), (question.id, "do you deliver?".to_owned()));
    let refused = messages.send_text(&instance, reply("3EB0FFFF"), None).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

#[tokio::test]
async fn typing_is_shown_for_as_long_as_asked() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let delayed =
        SendText::parse("5511999990002", "hello".to_owned(), None, Some(3), None).unwrap();
    let send = world.services.messages.send_text(&instance, delayed, None);
    let wind = async {
        let bia = build::phone("5511999990002");
        while world.whatsapp.typing() != [(instance.id, bia.clone(), true)] {
            tokio::task::yield_now().await;
        }
        assert!(world.whatsapp.sent().is_empty());
        world.clock.advance(std::time::Duration::from_secs(3));
    };
    let (outcome, ()) = tokio::join!(send, wind);
    outcome.unwrap();
    assert_eq!(world.whatsapp.typing().len(), 2);
}
