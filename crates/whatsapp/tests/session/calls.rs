use wharf_domain::{
    call::{CallAction, CallUpdate},
    ports::{IncomingCall, SessionEvent},
};
use wharf_whatsapp_sim::{CallAct, CallState, Simulator};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World, eventually},
};

async fn call(live: &Live, id: &str) -> IncomingCall {
    live.recorder
        .event("call", |event| match event {
            SessionEvent::Call { ringing: Some(call), .. } if call.id == id => Some(call.clone()),
            _ => None,
        })
        .await
}

async fn update(live: &Live, id: &str, action: CallAction) -> CallUpdate {
    live.recorder
        .event(action.as_str(), |event| match event {
            SessionEvent::Call { update, .. } if update.id == id && update.action == action => {
                Some(update.clone())
            }
            _ => None,
        })
        .await
}

fn rings(live: &Live) -> usize {
    live.recorder
        .count(|told| matches!(told, Told::Event(SessionEvent::Call { ringing: Some(_), .. })))
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
        let declined = update(&paired.live, &id, CallAction::Rejected).await;
        assert_eq!((declined.from.jid.user(), declined.is_video), (ANA, false));
    }
}

#[tokio::test]
async fn a_call_that_nobody_answers_was_missed() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.call(OWN, true).await.unwrap();
    let offered = update(&paired.live, &id, CallAction::Offer).await;
    ana.hang_up(&id).await.unwrap();
    let ended = update(&paired.live, &id, CallAction::Terminated).await;
    assert_eq!(ended.reason.as_deref(), Some("missed"));
    assert_eq!((ended.from, ended.is_video), (offered.from, true));
}

#[tokio::test]
async fn a_call_that_came_while_nobody_was_there_was_missed_and_does_not_ring() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    paired.live.session.stop().await;
    let id = ana.call(OWN, false).await.unwrap();
    ana.hang_up(&id).await.unwrap();
    let live = world.reconnect(paired.instance).await;
    let missed = update(&live, &id, CallAction::Terminated).await;
    assert_eq!((missed.from.jid.user(), missed.reason.as_deref()), (ANA, Some("missed")));
    // What came after it has been told, so it would have been told too.
    ana.send_text(OWN, "te liguei").await.unwrap();
    live.recorder.message("te liguei").await;
    assert_eq!(rings(&live), 0);
    let id = ana.call(OWN, false).await.unwrap();
    call(&live, &id).await;
    eventually("one call rings", || rings(&live) == 1).await;
}

#[tokio::test]
async fn a_call_taken_or_declined_on_the_phone_is_told_as_that() {
    for by_lid in [false, true] {
        let simulator = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let world = World::on(simulator, |_| {});
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        for relayed in [false, true] {
            let id = ana.call(OWN, true).await.unwrap();
            call(&paired.live, &id).await;
            paired.phone.act_on_call(&id, CallAct::Accept { relayed }).await.unwrap();
            let accepted = update(&paired.live, &id, CallAction::Accepted).await;
            assert_eq!((accepted.from.jid.user(), accepted.is_video), (ANA, true));
        }
        let id = ana.call(OWN, false).await.unwrap();
        call(&paired.live, &id).await;
        paired.phone.hang_up(&id).await.unwrap();
        let rejected = update(&paired.live, &id, CallAction::Rejected).await;
        assert_eq!(rejected.from.jid.user(), ANA);
    }
}

#[tokio::test]
async fn the_caller_who_gives_up_was_missed_and_measures_the_way_before() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.call(OWN, false).await.unwrap();
    for _ in 0..2 {
        ana.act_on_call(&id, CallAct::MeasureLatency).await.unwrap();
    }
    ana.act_on_call(&id, CallAct::TimeOut).await.unwrap();
    let ended = update(&paired.live, &id, CallAction::Terminated).await;
    assert_eq!(ended.reason.as_deref(), Some("missed"));
    let keys: Vec<_> = paired
        .live
        .recorder
        .told()
        .into_iter()
        .filter_map(|told| match told {
            Told::Event(SessionEvent::Call { key, update, .. }) if update.id == id => Some(key.0),
            _ => None,
        })
        .collect();
    let expected = ["offer", "latency", "latency", "terminated"];
    assert_eq!(keys, expected.map(|action| format!("call|{id}|{action}")));
}

#[tokio::test]
async fn calls_of_groups_ring_or_are_announced() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
    let id = ana.call(&group, true).await.unwrap();
    let rings = call(&paired.live, &id).await;
    assert!(rings.is_group && rings.is_video);
    let offered = update(&paired.live, &id, CallAction::Offer).await;
    assert_eq!(offered.group.unwrap().to_string(), group);
    assert_eq!(offered.from.jid.user(), ANA);
    ana.hang_up(&id).await.unwrap();
    let ended = update(&paired.live, &id, CallAction::Terminated).await;
    assert_eq!((ended.group.unwrap().to_string(), ended.is_group), (group.clone(), true));
    let id = ana.announce_call(&group, false).await.unwrap();
    let announced = update(&paired.live, &id, CallAction::Notification).await;
    assert!(announced.is_group && !announced.is_video);
    assert_eq!(announced.from.jid.user(), ANA);
}
