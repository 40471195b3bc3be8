//! Pairing: whatever goes wrong, the next attempt begins clean.

use wharf_application::connections::Link;
use wharf_domain::{
    Error,
    address::PhoneNumber,
    instance::Instance,
    pairing::PairingCode,
    ports::{SessionEnd, SessionEvent},
    state::{ConnectionState, Standing},
};

use crate::{World, ana};

fn number() -> PhoneNumber {
    PhoneNumber::parse("5511999990001").unwrap()
}

async fn qr(world: &World, instance: &Instance) -> String {
    match world.services.connections.connect(instance, None, None).await.unwrap() {
        Link::Qr(code) => code.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn shown(world: &World, instance: &Instance) -> Option<String> {
    world.services.connections.progress(instance).qr.map(|code| code.as_str().to_owned())
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old_one_for_whoever_asks() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let first = qr(&world, &instance).await;
    assert_eq!(shown(&world, &instance), Some(first.clone()));
    world.whatsapp.until_session(instance.id).await.next_qr();
    let mut second = first.clone();
    for _ in 0..10_000 {
        second = qr(&world, &instance).await;
        if second != first {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_ne!(second, first);
    assert_eq!(shown(&world, &instance), Some(second));
    assert_eq!(world.whatsapp.sessions(instance.id).len(), 1);
}

#[tokio::test]
async fn a_cancelled_pairing_ends_at_once_for_everybody_and_the_next_one_is_new() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Disconnected);
    qr(&world, &instance).await;
    world.whatsapp.hold();
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Disconnected);
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
    assert!(world.whatsapp.sessions(instance.id)[0].has_ended());
    assert_eq!(shown(&world, &instance), None);
    world.until_told("pair_error").await;
    // This time somebody waits.
    let waits = connections.connect(&instance, None, None);
    let cancel = async {
        world.whatsapp.until_sessions(instance.id, 2).await;
        connections.cancel(&instance).await.unwrap()
    };
    let (outcome, state) = tokio::join!(waits, cancel);
    assert_eq!(state, ConnectionState::Disconnected);
    assert!(matches!(outcome, Err(Error::ConnectFailed(reason)) if reason.contains("cancelled")));
    connections.begin(&instance, None).unwrap();
    let session = world.whatsapp.until_sessions(instance.id, 3).await;
    session.scan(ana());
    world.until(&instance, ConnectionState::Connected).await;
}

#[tokio::test]
async fn what_is_paired_is_not_cancelled_and_comes_back_by_itself() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let connections = &world.services.connections;
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Connected);
    assert!(!session.has_ended());
    world.whatsapp.hold();
    session.end(SessionEnd::Lost("reset".to_owned()));
    world.until(&instance, ConnectionState::Connecting).await;
    // While it waits for its next attempt, in the middle of it, and when the server has stopped answering.
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Connecting);
    world.clock.advance(crate::LONG);
    let session = world.whatsapp.until_sessions(instance.id, 2).await;
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Connecting);
    session.emit(SessionEvent::Connected { profile: ana() });
    world.until(&instance, ConnectionState::Connected).await;
    session.emit(SessionEvent::KeepaliveTimeout);
    world.until(&instance, ConnectionState::Connecting).await;
    assert_eq!(connections.cancel(&instance).await.unwrap(), ConnectionState::Connecting);
    assert!(!session.has_ended());
}

#[tokio::test]
async fn a_phone_that_is_quicker_than_whoever_cancels_has_paired_the_instance() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    qr(&world, &instance).await;
    let session = world.whatsapp.until_session(instance.id).await;
    // Told as the session ends: the phone accepted before it heard of the end.
    session.scan_at_the_end(ana());
    let state = world.services.connections.cancel(&instance).await.unwrap();
    assert_ne!(state, ConnectionState::Disconnected);
    world.until_told("pair_success").await;
    world.until(&instance, ConnectionState::Connected).await;
    assert_eq!(world.reload(&instance).await.standing, Standing::Paired);
    assert_eq!(world.whatsapp.sessions(instance.id).len(), 2);
}

#[tokio::test]
async fn a_ban_is_waited_out_whatever_is_cancelled() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let expires_in = std::time::Duration::from_mins(30);
    session.end(SessionEnd::TempBanned { code: 101, expires_in });
    world.until(&instance, ConnectionState::Banned).await;
    let instance = world.reload(&instance).await;
    let state = world.services.connections.cancel(&instance).await.unwrap();
    assert_eq!(state, ConnectionState::Banned);
    world.clock.advance(expires_in);
    world.whatsapp.until_sessions(instance.id, 2).await;
}

#[tokio::test]
async fn codes_that_nobody_scans_end_in_disconnected_and_the_next_attempt_shows_new_ones() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    qr(&world, &instance).await;
    world.whatsapp.until_session(instance.id).await.end(SessionEnd::PairingExpired);
    world.until(&instance, ConnectionState::Disconnected).await;
    world.until_told("pair_error").await;
    let progress = world.services.connections.progress(&instance);
    assert!(progress.qr.is_none() && progress.problem.is_some(), "{progress:?}");
    qr(&world, &instance).await;
    let session = world.whatsapp.until_sessions(instance.id, 2).await;
    assert_eq!(world.services.connections.progress(&instance).problem, None);
    session.scan(ana());
    world.until(&instance, ConnectionState::Connected).await;
}

#[tokio::test]
async fn a_phone_that_refuses_uses_the_typed_code_up_and_another_try_may_work() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    qr(&world, &instance).await;
    let link = connections.connect(&instance, Some(number()), None).await.unwrap();
    assert!(matches!(link, Link::PairingCode(_)), "typed after a code to scan was shown: {link:?}");
    let session = world.whatsapp.until_session(instance.id).await;
    session.emit(SessionEvent::PairingFailed("the phone refused".to_owned()));
    world.until_told("pair_error").await;
    world
        .eventually("the refusal is shown", |w| {
            let progress = w.services.connections.progress(&instance);
            progress.code.is_none() && progress.problem.as_deref() == Some("the phone refused")
        })
        .await;
    assert!(shown(&world, &instance).is_some(), "the session goes on");
    let link = connections.connect(&instance, Some(number()), None).await.unwrap();
    assert!(matches!(link, Link::PairingCode(_)), "{link:?}");
    assert_eq!(connections.progress(&instance).problem, None);
    session.scan(ana());
    world.until(&instance, ConnectionState::Connected).await;
}

#[tokio::test]
async fn a_code_that_has_expired_is_not_given_again() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    let first = connections.connect(&instance, Some(number()), None).await.unwrap();
    world.whatsapp.until_session(instance.id).await.expire_pairing_codes();
    let second = connections.connect(&instance, Some(number()), None).await.unwrap();
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_throttled_code_says_so_as_often_as_it_is_asked_for() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let connections = &world.services.connections;
    world.whatsapp.throttle_pairing(Some(429));
    for _ in 0..2 {
        let refused = connections.connect(&instance, Some(number()), None).await;
        assert!(matches!(refused, Err(Error::Refused { code: 429 })), "{refused:?}");
    }
    assert!(connections.progress(&instance).refused.is_some());
    world.whatsapp.throttle_pairing(None);
    let link = connections.connect(&instance, Some(number()), None).await.unwrap();
    assert!(matches!(link, Link::PairingCode(_)), "{link:?}");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_pairing_leaves_nothing_behind() {
    let before = World::started().await;
    let instance = before.instance("sales").await;
    let link = before.services.connections.connect(&instance, Some(number()), None).await.unwrap();
    assert!(matches!(link, Link::PairingCode(_)), "{link:?}");
    before.services.stop().await;
    let world = World::on(before.store.clone(), before.whatsapp.clone()).await;
    world.services.start().await.unwrap();
    world.settle().await;
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
    assert_eq!(world.whatsapp.sessions(instance.id).len(), 1, "nothing begins by itself");
    qr(&world, &instance).await;
    let session = world.whatsapp.until_sessions(instance.id, 2).await;
    session.emit(SessionEvent::PairingCodeRenewed(PairingCode::parse("ABCD-0009").unwrap()));
    session.scan(ana());
    world.until(&instance, ConnectionState::Connected).await;
}
