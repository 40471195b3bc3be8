//! What becomes of calls, and the calls of groups.

use wacore::stanza::call::{
    AcceptParams, DEFAULT_AUDIO_RATES, OfferParams, build_accept, build_offer,
};
use wharf_whatsapp_sim::{CallAct, CallState, Error, Phone, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::call::{CallAction, IncomingCall};
use whatsapp_rust::types::events::Event;

use crate::client::{TestClient, eventually};
use crate::people::{self, ANA, BIA, CAIO};

/// Three phones; the client is Ana's.
struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    caio: Phone,
    client: TestClient,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let (sim, [ana, bia, caio]) = people::three(by_lid).await;
        let client = TestClient::linked(&sim, &ana).await;
        Self { sim, ana, bia, caio, client }
    }

    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

/// Waits for what a client is told about a call.
async fn told(client: &TestClient, id: &str, tag: &str) -> IncomingCall {
    client
        .event(|event| match event {
            Event::IncomingCall(call) => {
                let meant = call.action.call_id() == id && call.action.wire_tag() == tag;
                meant.then(|| call.clone())
            }
            _ => None,
        })
        .await
}

/// Waits for the end of a call; gives the reason and how long it lasted.
async fn ends(client: &TestClient, id: &str) -> (Option<String>, Option<u32>) {
    match told(client, id, "terminate").await.action {
        CallAction::Terminate { reason, duration, audio_duration, .. } => {
            assert_eq!(duration, audio_duration);
            (reason, duration)
        }
        other => panic!("{other:?}"),
    }
}

/// What a client has been told about a call, in order.
fn all(client: &TestClient, id: &str) -> Vec<&'static str> {
    client.all(|event| match event {
        Event::IncomingCall(call) if call.action.call_id() == id => Some(call.action.wire_tag()),
        _ => None,
    })
}

#[tokio::test]
async fn a_call_answered_on_the_phone_was_accepted_elsewhere() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { ana, bia, client, .. } = &scene;
        let id = bia.call(ANA, true).await.unwrap();
        told(client, &id, "offer").await;
        bia.act_on_call(&id, CallAct::MeasureLatency).await.unwrap();
        ana.act_on_call(&id, CallAct::PreAccept).await.unwrap();
        ana.accept_call(&id).await.unwrap();
        assert_eq!(ends(client, &id).await, (Some("accepted_elsewhere".to_owned()), None));
        bia.wait_for_call(&id, CallState::Accepted).await.unwrap();
        assert_eq!(all(client, &id), ["offer", "relaylatency", "terminate"]);
        // Too late, and answered already.
        assert!(matches!(ana.accept_call(&id).await, Err(Error::Conflict(_))));
        let late = bia.act_on_call(&id, CallAct::TimeOut).await;
        assert!(matches!(late, Err(Error::Conflict(_))));

        ana.act_on_call(&id, CallAct::HangUp { seconds: Some(42) }).await.unwrap();
        let ended = bia.wait_for_call(&id, CallState::Ended).await.unwrap();
        assert_eq!((ended.seconds, ended.video), (Some(42), true));
        assert_eq!(ana.calls()[0].seconds, Some(42));
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn the_acceptance_itself_can_be_passed_to_the_companions() {
    let scene = Scene::new(false).await;
    let Scene { ana, bia, client, .. } = &scene;
    let id = bia.call(ANA, false).await.unwrap();
    told(client, &id, "offer").await;
    ana.act_on_call(&id, CallAct::Accept { relayed: true }).await.unwrap();
    let accepted = told(client, &id, "accept").await;
    assert_eq!(accepted.from.to_string(), ana.jid());
    assert_eq!(accepted.action.call_creator().to_string(), bia.jid());
    assert_eq!(ends(client, &id).await.0.as_deref(), Some("accepted_elsewhere"));
    // The caller hangs up: the companions are told how long it was.
    let seen = client.seen();
    bia.act_on_call(&id, CallAct::HangUp { seconds: Some(7) }).await.unwrap();
    let duration = client
        .event_after(seen, |event| match event {
            Event::IncomingCall(call) => match &call.action {
                CallAction::Terminate { duration, .. } => Some(*duration),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(duration, Some(7));
    scene.is_settled().await;
}

#[tokio::test]
async fn a_call_that_nobody_answers_times_out() {
    let scene = Scene::new(false).await;
    let Scene { ana, bia, client, .. } = &scene;
    let id = bia.call(ANA, false).await.unwrap();
    told(client, &id, "offer").await;
    let early = ana.act_on_call(&id, CallAct::TimeOut).await;
    assert!(matches!(early, Err(Error::Conflict(_))), "who is called does not give up");
    bia.act_on_call(&id, CallAct::TimeOut).await.unwrap();
    assert_eq!(ends(client, &id).await, (Some("timeout".to_owned()), None));
    ana.wait_for_call(&id, CallState::Missed).await.unwrap();
    bia.wait_for_call(&id, CallState::Missed).await.unwrap();
    scene.is_settled().await;
}

#[tokio::test]
async fn a_groups_call_rings_everywhere_and_everybody_speaks_for_themselves() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { sim, ana, bia, caio, client } = &scene;
        let group = sim.create_group(BIA, "Friends", &[ANA, CAIO]).await.unwrap();
        let id = bia.call(&group, true).await.unwrap();
        let offer = told(client, &id, "offer").await;
        let CallAction::Offer { group_jid, is_video, .. } = &offer.action else { unreachable!() };
        assert_eq!(group_jid.as_ref().map(ToString::to_string), Some(group.clone()));
        assert!(is_video);
        assert_eq!(offer.from.to_string(), if by_lid { bia.lid() } else { bia.jid() });
        assert_eq!(caio.calls()[0].group, Some(group.clone()));

        caio.hang_up(&id).await.unwrap();
        assert_eq!(bia.calls()[0].state, CallState::Ringing);
        assert_eq!(ana.calls()[0].state, CallState::Ringing);
        ana.accept_call(&id).await.unwrap();
        assert_eq!(ends(client, &id).await.0.as_deref(), Some("accepted_elsewhere"));
        bia.wait_for_call(&id, CallState::Accepted).await.unwrap();
        assert_eq!(caio.calls()[0].state, CallState::Rejected);
        let seen = client.seen();
        bia.hang_up(&id).await.unwrap();
        let reason = client
            .event_after(seen, |event| match event {
                Event::IncomingCall(call) => match &call.action {
                    CallAction::Terminate { reason, .. } => reason.clone(),
                    _ => None,
                },
                _ => None,
            })
            .await;
        assert_eq!(reason, "group_call_ended");
        ana.wait_for_call(&id, CallState::Ended).await.unwrap();
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_group_can_be_told_of_a_call_without_ringing() {
    let scene = Scene::new(false).await;
    let Scene { sim, ana, bia, client, .. } = &scene;
    let group = sim.create_group(BIA, "Friends", &[ANA]).await.unwrap();
    for video in [false, true] {
        let id = bia.announce_call(&group, video).await.unwrap();
        let call = told(client, &id, "offer_notice").await;
        let CallAction::OfferNotice { is_video, is_group, .. } = call.action else {
            unreachable!()
        };
        assert_eq!((is_video, is_group), (video, true));
        assert_eq!(call.notify.as_deref(), Some("Bia"));
        ana.wait_for_call(&id, CallState::Ringing).await.unwrap();
    }
    assert!(matches!(bia.announce_call(ANA, false).await, Err(Error::Invalid(_))));
    let others = sim.create_group(BIA, "Without Ana", &[CAIO]).await.unwrap();
    assert!(matches!(ana.call(&others, false).await, Err(Error::Conflict(_))));
    scene.is_settled().await;
}

#[tokio::test]
async fn calls_of_all_kinds_wait_for_a_client_that_is_away() {
    let Scene { sim, ana, bia, client, .. } = Scene::new(true).await;
    let group = sim.create_group(BIA, "Friends", &[ANA]).await.unwrap();
    eventually("an empty queue", async || sim.stats().queued == 0).await;
    let store = client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    let mut ids = Vec::new();
    for to in [ANA, &group] {
        let id = bia.call(to, true).await.unwrap();
        bia.act_on_call(&id, CallAct::TimeOut).await.unwrap();
        ids.push(id);
    }
    ids.push(bia.announce_call(&group, false).await.unwrap());
    let client = TestClient::with_store(&sim, "Ana", store).await;
    for id in &ids {
        let missed = client
            .event(|event| match event {
                Event::MissedCall(call) if call.call_id == *id => Some(call.from.clone()),
                _ => None,
            })
            .await;
        assert_eq!(missed.to_string(), bia.lid());
    }
    for id in &ids[..2] {
        assert!(told(&client, id, "terminate").await.offline);
    }
    eventually("an empty queue", async || sim.stats().queued == 0).await;
    let rang = |event: &Event| matches!(event, Event::IncomingCall(call) if call.action.wire_tag().starts_with("offer"));
    assert_eq!(client.count(rang), 0);
}

#[tokio::test]
async fn a_client_that_calls_hears_what_the_other_side_does() {
    let scene = Scene::new(false).await;
    let Scene { sim, ana, bia, client, .. } = &scene;
    let second = TestClient::linked(sim, bia).await;
    let (to, creator) = (Jid::pn(BIA), Jid::pn_device(ANA, 1));
    let offer = |id: &'static str| {
        build_offer(&OfferParams {
            call_id: id,
            to: &to,
            call_creator: &creator,
            device_keys: &[],
            privacy_token: None,
            capability: None,
            device_identity: None,
            id: Some(id),
            multi_device: false,
            video: false,
            audio_rates: DEFAULT_AUDIO_RATES,
        })
    };
    client.client.send_node(offer("FIRST")).await.unwrap();
    bia.wait_for_call("FIRST", CallState::Ringing).await.unwrap();
    assert_eq!(told(&second, "FIRST", "offer").await.notify.as_deref(), Some("Ana"));
    bia.act_on_call("FIRST", CallAct::MeasureLatency).await.unwrap();
    bia.act_on_call("FIRST", CallAct::PreAccept).await.unwrap();
    bia.accept_call("FIRST").await.unwrap();
    told(client, "FIRST", "accept").await;
    bia.act_on_call("FIRST", CallAct::HangUp { seconds: Some(3) }).await.unwrap();
    assert_eq!(ends(client, "FIRST").await, (None, Some(3)));
    assert_eq!(all(client, "FIRST"), ["relaylatency", "preaccept", "accept", "terminate"]);

    client.client.send_node(offer("SECOND")).await.unwrap();
    bia.wait_for_call("SECOND", CallState::Ringing).await.unwrap();
    bia.hang_up("SECOND").await.unwrap();
    told(client, "SECOND", "reject").await;

    // A phone that calls is answered by a companion of the other side.
    let id = ana.call(BIA, false).await.unwrap();
    let call = told(&second, &id, "offer").await;
    let accept = build_accept(&AcceptParams {
        call_id: &id,
        to: &call.from,
        id: "ACCEPT",
        call_creator: call.action.call_creator(),
        audio_rates: &["16000"],
        relay_te: None,
        rte: None,
        voip_settings: None,
        capability: None,
        video: false,
        peer_abtest_bucket: None,
        peer_abtest_bucket_id_list: None,
    });
    second.client.send_node(accept).await.unwrap();
    ana.wait_for_call(&id, CallState::Accepted).await.unwrap();
    bia.wait_for_call(&id, CallState::Accepted).await.unwrap();
    scene.is_settled().await;
}

#[tokio::test]
async fn who_hides_the_number_calls_by_lid_alone() {
    let scene = Scene::new(false).await;
    let Scene { bia, client, .. } = &scene;
    bia.hide_number(true).await;
    let id = bia.call(ANA, false).await.unwrap();
    let call = told(client, &id, "offer").await;
    assert_eq!(call.from.to_string(), bia.lid());
    let CallAction::Offer { caller_pn, .. } = &call.action else { unreachable!() };
    assert_eq!(*caller_pn, None);
    client.client.voip().reject(&call).await.unwrap();
    bia.wait_for_call(&id, CallState::Rejected).await.unwrap();
    scene.is_settled().await;
}
