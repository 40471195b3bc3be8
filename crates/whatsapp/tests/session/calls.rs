use wharf_domain::ports::{IncomingCall, SessionEvent};
use wharf_whatsapp_sim::{CallState, Simulator};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World, eventually},
};

async fn call(live: &Live, id: &str) -> IncomingCall {
    live.recorder
        .event("call", |event| match event {
            SessionEvent::Call(call) if call.id == id => Some(call.clone()),
            _ => None,
        })
        .await
}

fn calls(live: &Live) -> usize {
    live.recorder.count(|told| matches!(told, Told::Event(SessionEvent::Call(_))))
}

#[tokio::test]
async fn a_call_is_told_while_it_rings() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.call(OWN, true).await.unwrap();
    let told = call(&paired.live, &id).await;
    assert_eq!(told.from.jid.user(), ANA);
    assert!(told.is_video && !told.is_group);
    let id = ana.call(OWN, false).await.unwrap();
    assert!(!call(&paired.live, &id).await.is_video);
}

#[tokio::test]
async fn a_rejected_call_rings_nowhere_any_more() {
    for by_lid in [false, true] {
        let simulator = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let world = World::on(simulator, |_| {});
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let id = ana.call(OWN, false).await.unwrap();
        let told = call(&paired.live, &id).await;
        assert_eq!(told.from.jid.user(), ANA);
        paired.live.session.reject_call(&told).await.unwrap();
        ana.wait_for_call(&id, CallState::Rejected).await.unwrap();
        paired.phone.wait_for_call(&id, CallState::Rejected).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_was_missed_is_not_told() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    paired.live.session.stop().await;
    let id = ana.call(OWN, false).await.unwrap();
    ana.hang_up(&id).await.unwrap();
    let live = world.reconnect(paired.instance).await;
    // What came after it has been told, so it would have been told too.
    ana.send_text(OWN, "te liguei").await.unwrap();
    live.recorder.message("te liguei").await;
    assert_eq!(calls(&live), 0);
    let id = ana.call(OWN, false).await.unwrap();
    call(&live, &id).await;
    eventually("one call is told", || calls(&live) == 1).await;
}
