use std::time::Duration;

use tokio::net::TcpListener;
use wharf_domain::{
    Error,
    ports::{Session, SessionEnd},
};
use wharf_whatsapp_sim::faults::{Fault, Limit};

use crate::world::{ANA, OWN, Paired, World, eventually, instance, number, request};

/// The end of a session that was connected when the fault struck.
async fn end_by(fault: Fault) -> SessionEnd {
    let world = World::new().await;
    let paired = world.pair().await;
    world.fault(fault, Limit::Count(1));
    paired.live.recorder.end().await
}

/// The end of a session that is refused as it logs in.
async fn end_at_login(fault: Fault) -> SessionEnd {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    world.fault(fault, Limit::Count(1));
    world.start(paired.instance).await.recorder.end().await
}

#[tokio::test]
async fn unlinked_while_connected_is_logged_out() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.phone.unlink(paired.device).await.unwrap();
    let end = paired.live.recorder.end().await;
    assert!(matches!(end, SessionEnd::LoggedOut(_)), "{end:?}");
    let end = world.start(paired.instance).await.recorder.end().await;
    assert!(matches!(end, SessionEnd::LoggedOut(_)), "also at the next login: {end:?}");
}

#[tokio::test]
async fn a_second_connection_with_the_same_keys_replaces_the_first() {
    assert_eq!(end_by(Fault::Replace).await, SessionEnd::Replaced);
}

#[tokio::test]
async fn a_broken_connection_is_lost() {
    let end = end_by(Fault::Drop).await;
    assert!(matches!(end, SessionEnd::Lost(_)), "{end:?}");
}

#[tokio::test]
async fn a_ban_for_a_while_says_for_how_long() {
    let end = end_at_login(Fault::TempBan { code: 102, seconds: 120 }).await;
    assert_eq!(end, SessionEnd::TempBanned { code: 102, expires_in: Duration::from_mins(2) });
}

#[tokio::test]
async fn a_locked_account_is_banned() {
    let end = end_at_login(Fault::Ban).await;
    assert!(matches!(end, SessionEnd::Banned { code: 403, .. }), "{end:?}");
}

#[tokio::test]
async fn a_client_that_is_too_old_is_outdated() {
    assert_eq!(end_at_login(Fault::Outdated).await, SessionEnd::Outdated);
}

#[tokio::test]
async fn every_other_refusal_of_a_login_keeps_its_code() {
    for code in [413, 414, 500, 503] {
        let end = end_at_login(Fault::FailLogin { code }).await;
        assert!(
            matches!(end, SessionEnd::LoginRefused { code: told, .. } if told == code),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn the_code_a_stream_ends_with_is_told() {
    for code in [429, 500, 503] {
        let end = end_by(Fault::StreamError { code }).await;
        assert_eq!(end, SessionEnd::StreamError(code.to_string()));
    }
    let end = end_by(Fault::StreamError { code: 516 }).await;
    assert!(matches!(end, SessionEnd::LoggedOut(_)), "{end:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let world = World::new().await;
    world.simulator.stop().await;
    let end = world.start(instance()).await.recorder.end().await;
    assert!(matches!(end, SessionEnd::Unreachable(_)), "{end:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_unreachable() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let world = World::with(|config| {
        config.url = format!("ws://{address}/ws/chat").parse().unwrap();
        config.dial_limit = Duration::from_millis(500);
    })
    .await;
    let end = world.start(instance()).await.recorder.end().await;
    assert_eq!(end, SessionEnd::Unreachable("no connection in time".to_owned()));
}

#[tokio::test]
async fn without_a_client_version_whatsapp_is_unreachable() {
    let world = World::with(|config| config.client_version = None).await;
    let SessionEnd::Unreachable(reason) = world.start(instance()).await.recorder.end().await else {
        panic!("reachable")
    };
    assert!(reason.starts_with("the client version cannot be looked up"), "{reason}");
}

#[tokio::test]
async fn a_simulator_that_stops_loses_its_sessions() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.simulator.stop().await;
    let end = paired.live.recorder.end().await;
    assert!(matches!(end, SessionEnd::Lost(_) | SessionEnd::StreamError(_)), "{end:?}");
}

/// Asserts that nothing of a session is left: no connection, and nobody who holds the store.
async fn assert_gone(world: &World, paired: &Paired) {
    assert_eq!(world.stores.holders(paired.instance), 0);
    paired.phone.wait_for_device(paired.device, false).await.unwrap();
    assert_eq!(paired.live.recorder.ends().len(), 1);
}

#[tokio::test]
async fn stopping_leaves_nothing_behind_and_keeps_the_pairing() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    assert_eq!(paired.live.recorder.ends(), [SessionEnd::Stopped]);
    assert_gone(&world, &paired).await;
    world.reconnect(paired.instance).await;
}

#[tokio::test]
async fn aborting_leaves_nothing_behind() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    paired.live.send(ANA, "olá").await.1.unwrap();
    paired.live.session.abort().await;
    assert_eq!(paired.live.recorder.ends(), [SessionEnd::Stopped]);
    assert_gone(&world, &paired).await;
    world.reconnect(paired.instance).await.send(ANA, "de novo").await.1.unwrap();
}

#[tokio::test]
async fn a_dropped_session_leaves_nothing_behind() {
    let world = World::new().await;
    let Paired { instance, live, phone, device } = world.pair().await;
    drop(live.session);
    assert_eq!(live.recorder.end().await, SessionEnd::Stopped);
    eventually("nobody holds the store", || world.stores.holders(instance) == 0).await;
    phone.wait_for_device(device, false).await.unwrap();
}

#[tokio::test]
async fn logging_out_unlinks_the_device() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.log_out().await.unwrap();
    let ends = paired.live.recorder.ends();
    assert!(matches!(ends[..], [SessionEnd::LoggedOut(_)]), "{ends:?}");
    assert_eq!(paired.phone.devices().len(), 1, "only the phone is left");
}

#[tokio::test]
async fn logging_out_ends_the_session_also_when_whatsapp_cannot_be_told() {
    let world = World::new().await;
    let live = world.start(instance()).await;
    live.qr().await;
    let told = live.session.log_out().await;
    assert!(matches!(told, Err(Error::NotConnected)), "{told:?}");
    assert_eq!(live.recorder.ends(), [SessionEnd::Stopped]);
}

#[tokio::test]
async fn an_instance_has_one_session_at_a_time_and_the_next_may_start_when_the_end_is_told() {
    let world = World::new().await;
    let paired = world.pair().await;
    let second = world.start_as(request(paired.instance)).await.err().unwrap();
    assert!(matches!(second, Error::ConnectFailed(_)), "{second:?}");
    world.fault(Fault::Drop, Limit::Count(1));
    paired.live.recorder.end().await;
    world.reconnect(paired.instance).await;
}

#[tokio::test]
async fn what_is_asked_of_a_session_that_is_over_is_refused() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    let session: &dyn Session = &*paired.live.session;
    session.stop().await;
    session.abort().await;
    let refusal = session.pairing_code(&number(OWN)).await.unwrap_err();
    assert!(matches!(refusal, Error::ConnectFailed(_)), "{refusal:?}");
    let refusal = session.look_up(&number(ANA)).await.unwrap_err();
    assert!(matches!(refusal, Error::NotConnected), "{refusal:?}");
    assert_eq!(paired.live.recorder.ends().len(), 1);
}
