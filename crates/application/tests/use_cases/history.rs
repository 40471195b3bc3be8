//! The history a phone offers.

use bytes::Bytes;
use wharf_application::instances::CreateInstance;
use wharf_domain::{
    message::{Message, MessageStatus},
    ports::{HistoricMessage, History, HistoryBatch},
    settings::Settings,
};
use wharf_testkit::build;

use crate::{World, ana, wanted};

fn past(message: Message) -> HistoricMessage {
    HistoricMessage { message, raw: Bytes::from_static(b"raw"), status: MessageStatus::Delivered }
}

fn with(settings: Settings) -> CreateInstance {
    CreateInstance { settings, ..wanted("sales") }
}

#[tokio::test]
async fn how_much_is_asked_for_is_up_to_the_caller_else_to_the_settings() {
    let on = Settings { disable_history_sync: false, ..Settings::default() };
    for (settings, history, expected) in [
        (Settings::default(), None, History::Skip),
        (Settings::default(), Some(30), History::Days(30)),
        (on.clone(), None, History::All),
        (on, Some(7), History::Days(7)),
    ] {
        let world = World::started().await;
        let instance = world.instance_like(with(settings)).await;
        world.services.connections.connect(&instance, None, history).await.unwrap();
        assert_eq!(world.whatsapp.requests()[0].history, expected);
        world.whatsapp.until_session(instance.id).await.scan(ana());
        world.until(&instance, wharf_domain::state::ConnectionState::Connected).await;
        // It was for the pairing alone.
        let instance = world.reload(&instance).await;
        world.services.connections.reconnect(&instance).unwrap();
        world.whatsapp.until_sessions(instance.id, 2).await;
        let later = if expected == History::Skip || history == Some(30) {
            History::Skip
        } else {
            History::All
        };
        assert_eq!(world.whatsapp.requests()[1].history, later);
    }
}

#[tokio::test]
async fn somebody_who_wants_more_history_than_the_pairing_under_way_gets_a_new_one() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    connections.connect(&instance, None, None).await.unwrap();
    let link = connections.connect(&instance, None, Some(30)).await.unwrap();
    assert!(matches!(link, wharf_application::connections::Link::Qr(_)), "{link:?}");
    connections.connect(&instance, None, None).await.unwrap();
    connections.connect(&instance, None, Some(30)).await.unwrap();
    let asked: Vec<_> = world.whatsapp.requests().iter().map(|one| one.history).collect();
    assert_eq!(asked, [History::Skip, History::Days(30)]);
}

#[tokio::test]
async fn history_is_stored_without_events_and_the_settings_keep_out_what_they_keep_out() {
    let world = World::started().await;
    let settings = Settings {
        disable_history_sync: false,
        ignore_group_messages: true,
        ignore_status: true,
        auto_read_messages: true,
        ..Settings::default()
    };
    let (instance, session) = world.connected_like(with(settings)).await;
    let events = world.store.events(instance.id).len();
    let bia = build::phone("5511999990002");
    let told = build::incoming(&bia, "told before");
    session.receive(told.clone()).await.unwrap();
    let in_chat = |jid: &str| Message {
        chat: build::chat(build::jid(jid)),
        ..build::incoming(&bia, "kept out")
    };
    let mut messages: Vec<_> =
        (0..1200).map(|n| past(build::incoming(&bia, &format!("past {n}")))).collect();
    messages.push(past(in_chat("120363000000000001@g.us")));
    messages.push(past(in_chat("status@broadcast")));
    messages.push(past(told));
    session.offer_history(HistoryBatch { progress: Some(40), messages }).await.unwrap();
    let stored = world.store.messages(instance.id);
    assert_eq!(stored.len(), 1201);
    assert!(stored.iter().all(|stored| stored.message.content.text() != "kept out"));
    assert_eq!(world.store.events(instance.id).len(), events + 1);
    world.settle().await;
    let read: usize = world.whatsapp.marked_read().iter().map(|read| read.ids.len()).sum();
    assert_eq!(read, 1, "history was read long ago");
}

#[tokio::test]
async fn history_is_not_lost_to_a_store_that_fails_for_a_moment() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let messages = vec![past(build::incoming(&build::phone("5511999990002"), "past"))];
    world.store.set_failing(true);
    let offer = session.offer_history(HistoryBatch { progress: None, messages });
    let heal = async {
        // The first pause after a failure, which nobody else's sleep is as short as.
        loop {
            let soon = world.clock.next_wake().is_some_and(|wake| {
                use wharf_domain::ports::Clock as _;
                wake - world.clock.now() <= chrono::TimeDelta::milliseconds(100)
            });
            if soon {
                break;
            }
            tokio::task::yield_now().await;
        }
        world.store.set_failing(false);
        world.clock.advance(std::time::Duration::from_millis(100));
    };
    let (outcome, ()) = tokio::join!(offer, heal);
    outcome.unwrap();
    assert_eq!(world.store.messages(instance.id).len(), 1);
}
