//! Links with WhatsApp: pairing, losing, leaving.

use std::time::Duration;

use wharf_application::connections::{ConnectionService, Link};
use wharf_domain::{
    Error,
    address::PhoneNumber,
    event::{EventBody, EventKey, ReceiptKind},
    ports::{InstanceStore, SessionEnd, SessionEvent, WhatsApp},
    state::{ConnectionState, Standing},
};
use wharf_testkit::build;

use crate::{LONG, World, ana};

#[tokio::test]
async fn pairing_shows_a_code_then_connects_and_tells_each_step() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
    let link = world.services.connections.connect(&instance, None, None).await.unwrap();
    assert!(matches!(link, Link::Qr(_)), "{link:?}");
    assert_eq!(world.state(&instance).await, ConnectionState::Connecting);
    world.whatsapp.until_session(instance.id).await.scan(ana());
    world.until_told("connected").await;
    assert_eq!(world.changes(), ["qr_ready", "pair_success", "connected"]);
    let stored = world.reload(&instance).await;
    assert_eq!(stored.standing, Standing::Paired);
    assert_eq!(stored.profile.jid, ana().jid);
    let again = world.services.connections.connect(&stored, None, None).await.unwrap();
    assert_eq!(again, Link::Connected);
    assert_eq!(world.whatsapp.sessions(instance.id).len(), 1);
}

#[tokio::test]
async fn a_second_caller_joins_and_one_with_a_number_gets_a_code_to_type() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    let (one, two) = tokio::join!(
        connections.connect(&instance, None, None),
        connections.connect(&instance, None, None)
    );
    assert_eq!(one.unwrap(), two.unwrap());
    let number = PhoneNumber::parse("5511999990001").unwrap();
    let typed = connections.connect(&instance, Some(number.clone()), None).await.unwrap();
    assert!(matches!(typed, Link::PairingCode(_)), "{typed:?}");
    assert_eq!(connections.connect(&instance, Some(number), None).await.unwrap(), typed);
    assert_eq!(world.whatsapp.sessions(instance.id).len(), 1);
}

#[tokio::test]
async fn a_throttled_code_is_an_error_and_the_code_to_scan_stays() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.whatsapp.throttle_pairing(Some(429));
    let number = PhoneNumber::parse("5511999990001").unwrap();
    let refused = world.services.connections.connect(&instance, Some(number), None).await;
    assert!(matches!(refused, Err(Error::Refused { code: 429 })), "{refused:?}");
    let link = world.services.connections.connect(&instance, None, None).await.unwrap();
    assert!(matches!(link, Link::Qr(_)), "{link:?}");
}

#[tokio::test]
async fn an_unreachable_whatsapp_fails_a_pairing_at_once_and_the_state_is_true() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.whatsapp.hold();
    let connect = world.services.connections.connect(&instance, None, None);
    let fail = async {
        let session = world.whatsapp.until_session(instance.id).await;
        session.end(SessionEnd::Unreachable("connection refused".to_owned()));
    };
    let (outcome, ()) = tokio::join!(connect, fail);
    assert!(matches!(outcome, Err(Error::ConnectFailed(reason)) if reason == "connection refused"));
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
}

#[tokio::test]
async fn a_caller_does_not_wait_for_ever() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.whatsapp.hold();
    let connect = world.services.connections.connect(&instance, None, None);
    let wait = async {
        world.whatsapp.until_session(instance.id).await;
        world.clock.advance(ConnectionService::PATIENCE);
    };
    let (outcome, ()) = tokio::join!(connect, wait);
    assert!(matches!(outcome, Err(Error::ConnectFailed(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_lost_connection_is_made_again_after_pauses_that_grow() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.whatsapp.hold();
    session.end(SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, ConnectionState::Connecting).await;
    world.until_told("disconnected").await;
    // Between half and all of 1, 2, 4 … seconds: after the longest of one step the next is not over yet.
    for (step, longest) in [(2, 1), (3, 2), (4, 4), (5, 8)] {
        world.clock.advance(Duration::from_millis(longest * 500 - 1));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.whatsapp.sessions(instance.id).len(), step - 1, "too early");
        world.clock.advance(Duration::from_millis(longest * 500 + 1));
        let next = world.whatsapp.until_sessions(instance.id, step).await;
        next.end(SessionEnd::Unreachable("refused".to_owned()));
        next.until_ended().await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(world.changes().iter().filter(|told| *told == "disconnected").count(), 1);
}

#[tokio::test]
async fn each_end_leads_where_it_must() {
    for (end, state, told, standing) in [
        (
            SessionEnd::LoggedOut("removed".to_owned()),
            ConnectionState::LoggedOut,
            "logged_out",
            Standing::LoggedOut,
        ),
        (
            SessionEnd::Banned { code: 403, reason: String::new() },
            ConnectionState::Banned,
            "connect_failure",
            Standing::Banned { until: None },
        ),
        (SessionEnd::Replaced, ConnectionState::Disconnected, "stream_replaced", Standing::Paired),
        (SessionEnd::Outdated, ConnectionState::Disconnected, "client_outdated", Standing::Paired),
    ] {
        let world = World::started().await;
        let (instance, session) = world.connected("sales").await;
        session.end(end.clone());
        world.until(&instance, state).await;
        world.until_told(told).await;
        assert_eq!(world.reload(&instance).await.standing, standing, "{end:?}");
        world.clock.advance(LONG);
        tokio::task::yield_now().await;
        assert_eq!(world.whatsapp.sessions(instance.id).len(), 1, "{end:?} is not fought");
    }
}

#[tokio::test]
async fn a_temporary_ban_is_waited_out() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let expires_in = Duration::from_mins(30);
    session.end(SessionEnd::TempBanned { code: 101, expires_in });
    world.until(&instance, ConnectionState::Banned).await;
    world.until_told("temp_banned").await;
    world.clock.advance(expires_in);
    world.whatsapp.until_sessions(instance.id, 2).await;
    world.until(&instance, ConnectionState::Connected).await;
    assert_eq!(world.reload(&instance).await.standing, Standing::Paired);
}

#[tokio::test]
async fn a_logout_unlinks_forgets_and_may_be_repeated() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.services.connections.log_out(&instance).await.unwrap();
    assert_eq!(world.state(&instance).await, ConnectionState::LoggedOut);
    assert_eq!(world.whatsapp.logged_out(), [instance.id]);
    assert_eq!(world.whatsapp.forgotten(), [instance.id]);
    let instance = world.reload(&instance).await;
    world.services.connections.log_out(&instance).await.unwrap();
    let refused = world.services.connections.reconnect(&instance);
    assert!(matches!(refused, Err(Error::NoSavedSession)), "{refused:?}");
    world.until_told("logged_out").await;
    assert_eq!(world.changes().iter().filter(|told| *told == "logged_out").count(), 1);
}

#[tokio::test]
async fn a_device_that_is_not_connected_is_connected_to_be_unlinked() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    session.end(SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, ConnectionState::Connecting).await;
    world.services.connections.log_out(&instance).await.unwrap();
    assert_eq!(world.whatsapp.logged_out(), [instance.id]);
    assert_eq!(world.state(&instance).await, ConnectionState::LoggedOut);
}

#[tokio::test]
async fn a_logout_whatsapp_cannot_be_told_of_fails_and_keeps_the_keys() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.whatsapp.hold();
    session.end(SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, ConnectionState::Connecting).await;
    let log_out = world.services.connections.log_out(&instance);
    let fail = async {
        let next = world.whatsapp.until_sessions(instance.id, 2).await;
        next.end(SessionEnd::Unreachable("connection refused".to_owned()));
    };
    let (outcome, ()) = tokio::join!(log_out, fail);
    assert!(matches!(outcome, Err(Error::ConnectFailed(_))), "{outcome:?}");
    assert!(world.whatsapp.forgotten().is_empty());
    assert_eq!(world.reload(&instance).await.standing, Standing::Paired);
}

#[tokio::test]
async fn a_caller_who_waits_for_a_code_hears_of_a_logout() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.whatsapp.hold();
    let connect = world.services.connections.connect(&instance, None, None);
    let log_out = async {
        world.whatsapp.until_session(instance.id).await;
        world.services.connections.log_out(&instance).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(connect, log_out);
    assert!(matches!(outcome, Err(Error::ConnectFailed(reason)) if reason.contains("logged out")));
}

#[tokio::test]
async fn connects_that_come_while_an_instance_is_deleted_cannot_keep_it() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let connects = async {
        for _ in 0..50 {
            let _ = world.services.connections.reconnect(&instance);
            tokio::task::yield_now().await;
        }
    };
    let delete = world.services.instances.delete(world.account, &instance.name);
    let (deleted, ()) = tokio::join!(delete, connects);
    deleted.unwrap();
    let stored = InstanceStore::find_by_id(&*world.store, instance.id).await.unwrap();
    assert_eq!(stored, None);
    for session in world.whatsapp.sessions(instance.id) {
        session.until_ended().await;
    }
}

#[tokio::test]
async fn nothing_is_started_once_the_gateway_is_stopping() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.services.stop().await;
    let refused = world.services.connections.connect(&instance, None, None).await;
    assert!(matches!(refused, Err(Error::ConnectFailed(_))), "{refused:?}");
    assert!(world.whatsapp.sessions(instance.id).is_empty());
}

#[tokio::test]
async fn a_ban_during_a_pairing_leaves_nothing_to_reconnect() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    world.services.connections.connect(&instance, None, None).await.unwrap();
    let session = world.whatsapp.until_session(instance.id).await;
    session.end(SessionEnd::Banned { code: 403, reason: String::new() });
    world.until(&instance, ConnectionState::Disconnected).await;
    assert_eq!(world.reload(&instance).await.standing, Standing::Unpaired);
    world.until_told("connect_failure").await;
}

#[tokio::test]
async fn what_is_noted_as_paired_and_has_no_keys_was_unlinked() {
    let before = World::started().await;
    let (instance, _) = before.connected("sales").await;
    before.services.stop().await;
    before.whatsapp.forget(instance.id).await.unwrap();
    let after = World::on(before.store.clone(), before.whatsapp.clone()).await;
    after.services.start().await.unwrap();
    assert_eq!(after.state(&instance).await, ConnectionState::LoggedOut);
    assert_eq!(after.whatsapp.sessions(instance.id).len(), 1, "it is not connected again");
}

#[tokio::test]
async fn a_change_of_the_link_is_told_also_when_the_store_fails_for_a_while() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.until_told("connected").await;
    world.store.set_failing(true);
    session.end(SessionEnd::LoggedOut("removed".to_owned()));
    session.until_ended().await;
    world.clock.until_sleeping(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.store.set_failing(false);
    world.clock.advance(Duration::from_secs(5));
    world.until_told("logged_out").await;
    world.until(&instance, ConnectionState::LoggedOut).await;
    assert_eq!(world.reload(&instance).await.standing, Standing::LoggedOut);
}

#[tokio::test]
async fn deleting_ends_the_session_and_leaves_nothing() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.services.instances.delete(world.account, &instance.name).await.unwrap();
    assert!(session.has_ended());
    let stored = InstanceStore::find_by_id(&*world.store, instance.id).await.unwrap();
    assert_eq!(stored, None);
    assert!(world.whatsapp.forgotten().contains(&instance.id));
    let again = world.services.instances.delete(world.account, &instance.name).await;
    assert!(matches!(again, Err(Error::NotFound(_))), "{again:?}");
}

#[tokio::test]
async fn an_instance_removed_beside_the_server_loses_its_session() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    InstanceStore::remove(&*world.store, instance.id).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    session.until_ended().await;
}

#[tokio::test]
async fn a_restart_connects_what_was_paired_and_what_was_about_to_be() {
    let before = World::started().await;
    let (paired, _) = before.connected("paired").await;
    let halfway = before.instance("halfway").await;
    let fresh = before.instance("fresh").await;
    before.services.stop().await;
    // The keys were written, and the process died before it was noted.
    before.whatsapp.pair(halfway.id, ana());
    let after = World::on(before.store.clone(), before.whatsapp.clone()).await;
    after.services.start().await.unwrap();
    after.until(&paired, ConnectionState::Connected).await;
    after.until(&halfway, ConnectionState::Connected).await;
    assert_eq!(after.state(&fresh).await, ConnectionState::Disconnected);
    assert_eq!(after.reload(&halfway).await.standing, Standing::Paired);
}

#[tokio::test]
async fn a_log_that_fails_ends_the_session_and_another_one_begins() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.store.set_failing(true);
    let message = build::incoming(&build::phone("5511999990002"), "hi");
    assert!(session.receive(message.clone()).await.is_err());
    assert!(session.has_ended());
    world.store.set_failing(false);
    // Time for telling the sinks that the connection is gone, and then for the next attempt.
    while world.whatsapp.sessions(instance.id).len() < 2 {
        world.clock.advance_to_next_wake().await;
        tokio::task::yield_now().await;
    }
    let next = world.whatsapp.until_sessions(instance.id, 2).await;
    world.until(&instance, ConnectionState::Connected).await;
    next.receive(message).await.unwrap();
}

#[tokio::test]
async fn an_acknowledged_receipt_is_one_that_was_recorded() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    world.store.set_failing(true);
    let bia = build::phone("5511999990002");
    let receipt = build::receipt_event(ReceiptKind::Read, &bia, &[build::message_id()]);
    let EventBody::Receipt(receipt) = receipt.body else { unreachable!("it was built as one") };
    let key = EventKey("receipt".to_owned());
    session.emit(SessionEvent::Receipt { key, receipt });
    // It is tried for a while first.
    let winding = async {
        loop {
            world.clock.advance(Duration::from_secs(10));
            world.settle().await;
        }
    };
    tokio::select! {
        () = session.until_ended() => {}
        () = winding => unreachable!("it never ends"),
    }
    world.store.set_failing(false);
    world.until(&instance, ConnectionState::Connecting).await;
}
