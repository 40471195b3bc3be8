//! Settings: what they keep out, what a session does by itself, and that a change counts at once.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_application::instances::SettingsChange;
use wharf_domain::{
    Error, Result, Timestamp,
    account::AccountId,
    instance::{Instance, InstanceId, InstanceName},
    message::{Content, Direction, Message},
    ports::{InstanceChange, InstanceStore},
    settings::Settings,
    state::Standing,
    webhook::Webhook,
};
use wharf_testkit::{InMemoryStore, MarkedRead, build};

use crate::{World, wanted};

const GROUP: &str = "120363000000000001@g.us";

fn in_chat(chat: &str, text: &str) -> Message {
    Message {
        chat: build::chat(build::jid(chat)),
        ..build::incoming(&build::phone("5511999990002"), text)
    }
}

async fn change(world: &World, instance: &Instance, change: SettingsChange) -> Settings {
    world.services.instances.update_settings(instance, change).await.unwrap()
}

fn texts(world: &World, instance: &Instance) -> Vec<String> {
    let stored = world.store.messages(instance.id);
    stored.iter().map(|stored| stored.message.content.text().to_owned()).collect()
}

#[tokio::test]
async fn a_change_leaves_the_rest_as_it_was_and_needs_something_to_change() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let on = SettingsChange { auto_read_messages: Some(true), ..SettingsChange::default() };
    change(&world, &instance, on).await;
    let text = SettingsChange {
        call_reject_message: Some("no calls, please".to_owned()),
        ..SettingsChange::default()
    };
    let settings = change(&world, &instance, text).await;
    let expected = Settings {
        auto_read_messages: true,
        call_reject_message: "no calls, please".to_owned(),
        ..Settings::default()
    };
    assert_eq!(settings, expected);
    assert_eq!(world.reload(&instance).await.settings, expected);
    let long =
        SettingsChange { call_reject_message: Some("x".repeat(1001)), ..SettingsChange::default() };
    for (refused, field) in [(SettingsChange::default(), "settings"), (long, "callRejectMessage")] {
        let outcome = world.services.instances.update_settings(&instance, refused).await;
        assert!(matches!(outcome, Err(Error::Invalid { field: f, .. }) if f == field), "{field}");
    }
}

#[tokio::test]
async fn changes_that_race_both_stay() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let read = SettingsChange { auto_read_messages: Some(true), ..SettingsChange::default() };
    let status = SettingsChange { ignore_status: Some(true), ..SettingsChange::default() };
    tokio::join!(change(&world, &instance, read), change(&world, &instance, status));
    let settings = world.reload(&instance).await.settings;
    assert!(settings.auto_read_messages && settings.ignore_status, "{settings:?}");
}

/// A store whose updates answer a while after they have counted.
struct Slow(Arc<InMemoryStore>);

#[async_trait]
impl InstanceStore for Slow {
    async fn insert(&self, instance: &Instance, webhook: Option<&Webhook>) -> Result<()> {
        InstanceStore::insert(&*self.0, instance, webhook).await
    }
    async fn find(&self, account: AccountId, name: &InstanceName) -> Result<Option<Instance>> {
        InstanceStore::find(&*self.0, account, name).await
    }
    async fn find_by_id(&self, id: InstanceId) -> Result<Option<Instance>> {
        InstanceStore::find_by_id(&*self.0, id).await
    }
    async fn list(&self, account: AccountId) -> Result<Vec<Instance>> {
        InstanceStore::list(&*self.0, account).await
    }
    async fn standings(&self) -> Result<Vec<(InstanceId, Standing)>> {
        self.0.standings().await
    }
    async fn update(
        &self,
        id: InstanceId,
        changes: &[InstanceChange],
        now: Timestamp,
    ) -> Result<bool> {
        let was = InstanceStore::update(&*self.0, id, changes, now).await;
        tokio::task::yield_now().await;
        was
    }
    async fn remove(&self, id: InstanceId) -> Result<bool> {
        InstanceStore::remove(&*self.0, id).await
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_a_session_that_follows_what_is_stored() {
    let store = Arc::new(InMemoryStore::default());
    let slow = Arc::new(Slow(store.clone()));
    let world = World::with(store, Arc::default(), |ports| ports.instances = slow).await;
    world.services.start().await.unwrap();
    let (instance, session) = world.connected("sales").await;
    let on = SettingsChange { ignore_group_messages: Some(true), ..SettingsChange::default() };
    {
        let change = world.services.instances.update_settings(&instance, on);
        tokio::pin!(change);
        assert!(futures::poll!(&mut change).is_pending());
    }
    world.settle().await;
    assert!(world.reload(&instance).await.settings.ignore_group_messages);
    session.receive(in_chat(GROUP, "group")).await.unwrap();
    assert!(texts(&world, &instance).is_empty());
}

#[tokio::test]
async fn groups_and_status_are_kept_out_of_log_and_store_from_the_moment_of_the_change() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    session.receive(in_chat(GROUP, "group 1")).await.unwrap();
    session.receive(in_chat("status@broadcast", "status 1")).await.unwrap();
    let both = SettingsChange {
        ignore_group_messages: Some(true),
        ignore_status: Some(true),
        ..SettingsChange::default()
    };
    change(&world, &instance, both).await;
    session.receive(in_chat(GROUP, "group 2")).await.unwrap();
    session.receive(in_chat("status@broadcast", "status 2")).await.unwrap();
    let own = Message { direction: Direction::Outgoing, ..in_chat(GROUP, "own") };
    session.receive(own).await.unwrap();
    session.receive(build::incoming(&build::phone("5511999990002"), "private")).await.unwrap();
    let again = SettingsChange { ignore_group_messages: Some(false), ..SettingsChange::default() };
    change(&world, &instance, again).await;
    session.receive(in_chat(GROUP, "group 3")).await.unwrap();
    assert_eq!(texts(&world, &instance), ["group 1", "status 1", "private", "group 3"]);
    let events = world.store.events(instance.id);
    let told = events
        .iter()
        .filter(|event| matches!(&event.body, wharf_domain::event::EventBody::Message(_)));
    assert_eq!(told.count(), 4);
}

#[tokio::test]
async fn settings_of_the_store_count_from_the_first_message_of_a_session() {
    let world = World::started().await;
    let settings = Settings { ignore_group_messages: true, ..Settings::default() };
    let (instance, session) = world
        .connected_like(wharf_application::instances::CreateInstance {
            settings,
            ..wanted("sales")
        })
        .await;
    session.receive(in_chat(GROUP, "group")).await.unwrap();
    assert!(texts(&world, &instance).is_empty());
}

#[tokio::test]
async fn presence_follows_the_setting_at_once_and_a_new_session_begins_with_it() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    assert!(!world.whatsapp.requests()[0].keep_online);
    assert!(!world.is_online(&instance).await);
    let keep = |on| SettingsChange { keep_online_status: Some(on), ..SettingsChange::default() };
    change(&world, &instance, keep(true)).await;
    world.eventually("online", |w| w.whatsapp.online() == [(instance.id, true)]).await;
    world.until_online(&instance, true).await;
    change(&world, &instance, keep(true)).await;
    change(&world, &instance, keep(false)).await;
    world
        .eventually("offline", |w| w.whatsapp.online().last() == Some(&(instance.id, false)))
        .await;
    world.until_online(&instance, false).await;
    assert_eq!(world.whatsapp.online().len(), 2, "only changes are told");
    change(&world, &instance, keep(true)).await;
    session.end(wharf_domain::ports::SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, wharf_domain::state::ConnectionState::Connecting).await;
    assert!(!world.is_online(&instance).await);
    world.clock.advance(crate::LONG);
    world.whatsapp.until_sessions(instance.id, 2).await;
    world.until_online(&instance, true).await;
    assert!(world.whatsapp.requests()[1].keep_online);
}

#[tokio::test]
async fn what_arrives_is_confirmed_as_read_by_chat_and_author() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let bia = build::phone("5511999990002");
    session.receive(build::incoming(&bia, "before")).await.unwrap();
    let on = SettingsChange { auto_read_messages: Some(true), ..SettingsChange::default() };
    change(&world, &instance, on).await;
    let private = build::incoming(&bia, "hello");
    let group = in_chat(GROUP, "hello all");
    let own = Message { direction: Direction::Outgoing, ..build::incoming(&bia, "own") };
    let status = in_chat("status@broadcast", "status");
    let revoke = Message {
        content: Content::Revoke { target: private.id.clone() },
        ..build::incoming(&bia, "")
    };
    for message in [own, status, revoke, private.clone(), group.clone()] {
        session.receive(message).await.unwrap();
    }
    world.eventually("both", |w| w.whatsapp.marked_read().len() >= 2).await;
    world.settle().await;
    let read = |message: &Message, author| MarkedRead {
        instance: instance.id,
        chat: message.chat.party.jid.clone(),
        author,
        ids: vec![message.id.clone()],
    };
    assert_eq!(
        world.whatsapp.marked_read(),
        [read(&private, None), read(&group, Some(bia))],
        "and nothing of own messages, status, or what came before"
    );
}

#[tokio::test]
async fn what_was_not_kept_is_not_confirmed() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let on = SettingsChange { auto_read_messages: Some(true), ..SettingsChange::default() };
    change(&world, &instance, on).await;
    world.store.set_failing(true);
    let lost = session.receive(build::incoming(&build::phone("5511999990002"), "hello")).await;
    assert!(lost.is_err());
    world.settle().await;
    assert!(world.whatsapp.marked_read().is_empty());
}

#[tokio::test]
async fn an_action_that_panics_ends_none_of_its_kind() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let all = SettingsChange {
        auto_read_messages: Some(true),
        auto_reject_calls: Some(true),
        ..SettingsChange::default()
    };
    change(&world, &instance, all).await;
    let bia = build::phone("5511999990002");
    let rings = |id: &str| crate::calls::rings(crate::calls::call(id));
    let hello = |text| build::incoming(&bia, text);
    world.whatsapp.panic_next(1);
    session.receive(hello("first")).await.unwrap();
    world.settle().await;
    world.whatsapp.panic_next(1);
    session.emit(rings("A"));
    world.settle().await;
    assert!(world.whatsapp.marked_read().is_empty() && world.whatsapp.rejected_calls().is_empty());
    session.receive(hello("second")).await.unwrap();
    session.emit(rings("B"));
    world.eventually("read", |w| w.whatsapp.marked_read().len() == 1).await;
    world.eventually("rejected", |w| w.whatsapp.rejected_calls().len() == 1).await;
    world.whatsapp.panic_next(1);
    let keep = SettingsChange { keep_online_status: Some(true), ..SettingsChange::default() };
    change(&world, &instance, keep).await;
    world.settle().await;
    assert!(!world.is_online(&instance).await);
    world.clock.advance(crate::LONG);
    world.until_online(&instance, true).await;
}
