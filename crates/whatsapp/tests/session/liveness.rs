use std::time::Duration;

use wharf_domain::ports::{SessionEnd, SessionEvent};
use wharf_whatsapp::Liveness;
use wharf_whatsapp_sim::faults::{Fault, Limit};

use crate::{
    recorder::Told,
    world::{Live, World, eventually},
};

const ASK_AFTER: Duration = Duration::from_millis(300);

async fn timeout_is_told(live: &Live) {
    live.recorder
        .event("silence", |event| matches!(event, SessionEvent::KeepaliveTimeout).then_some(()))
        .await;
}

fn impatient(lost_after: Duration) -> Liveness {
    Liveness { ask_after: ASK_AFTER, tell_after: Duration::from_millis(700), lost_after }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_told_and_then_lost() {
    let lost_after = Duration::from_secs(1);
    let world = World::with(|config| config.liveness = impatient(lost_after)).await;
    let paired = world.pair().await;
    world.fault(Fault::Stall { ms: 60_000 }, Limit::Count(1));
    timeout_is_told(&paired.live).await;
    let end = paired.live.recorder.end().await;
    assert_eq!(end, SessionEnd::Lost("the server stopped answering".to_owned()));
}

#[tokio::test]
async fn a_server_that_answers_again_is_told() {
    let lost_after = Duration::from_secs(30);
    let world = World::with(|config| config.liveness = impatient(lost_after)).await;
    let paired = world.pair().await;
    world.fault(Fault::Stall { ms: 2_000 }, Limit::Count(1));
    timeout_is_told(&paired.live).await;
    paired
        .live
        .recorder
        .event("restored", |event| matches!(event, SessionEvent::KeepaliveRestored).then_some(()))
        .await;
    assert!(paired.live.recorder.ends().is_empty());
}

#[tokio::test]
async fn a_server_that_answers_is_left_alone() {
    let world = World::with(|config| config.liveness = impatient(Duration::from_secs(5))).await;
    let paired = world.pair().await;
    // It looks five times before it asks.
    let glance = ASK_AFTER / 5;
    let before = world.clock.sleeps(glance);
    let looks = || world.clock.sleeps(glance) >= before + 30;
    eventually("several looks at the server", looks).await;
    let troubles = paired
        .live
        .recorder
        .count(|told| matches!(told, Told::Event(SessionEvent::KeepaliveTimeout)));
    assert_eq!(troubles, 0);
}
