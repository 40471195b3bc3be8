//! Telephones that ring.

use wharf_whatsapp_sim::{CallState, Error, Phone, Simulator};
use whatsapp_rust::types::call::{CallAction, IncomingCall};
use whatsapp_rust::types::events::Event;

use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";

struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    client: TestClient,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let sim = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bia = sim.create_phone(BIA, "Bia").unwrap();
        let client = TestClient::linked(&sim, &ana).await;
        Self { sim, ana, bia, client }
    }

    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

/// Waits for what a client is told about a call.
async fn told<T>(client: &TestClient, id: &str, wanted: impl Fn(&IncomingCall) -> Option<T>) -> T {
    client
        .event(|event| match event {
            Event::IncomingCall(call) if call.action.call_id() == id => wanted(call),
            _ => None,
        })
        .await
}

async fn rings(client: &TestClient, id: &str) -> IncomingCall {
    told(client, id, |call| matches!(call.action, CallAction::Offer { .. }).then(|| call.clone()))
        .await
}

/// Waits for the end of a call; gives the reason.
async fn ends(client: &TestClient, id: &str) -> Option<String> {
    told(client, id, |call| match &call.action {
        CallAction::Terminate { reason, .. } => Some(reason.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_client_rejects_a_call_and_everybody_learns_it() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { sim, ana, bia, client } = &scene;
        let second = TestClient::linked(sim, ana).await;
        let id = bia.call(ANA, false).await.unwrap();
        let call = rings(client, &id).await;
        rings(&second, &id).await;
        assert_eq!(call.notify.as_deref(), Some("Bia"));
        assert_eq!(call.from.to_string(), if by_lid { bia.lid() } else { bia.jid() });
        assert!(!call.offline);
        let CallAction::Offer { caller_pn, .. } = &call.action else { unreachable!() };
        let number = by_lid.then(|| bia.jid());
        assert_eq!(caller_pn.as_ref().map(ToString::to_string), number);
        let incoming = ana.wait_for_call(&id, CallState::Ringing).await.unwrap();
        assert_eq!((incoming.peer, incoming.outgoing), (bia.jid(), false));

        client.client.voip().reject(&call).await.unwrap();
        let outgoing = bia.wait_for_call(&id, CallState::Rejected).await.unwrap();
        assert_eq!((outgoing.peer, outgoing.outgoing), (ana.jid(), true));
        assert_eq!(ends(&second, &id).await.as_deref(), Some("rejected_elsewhere"));
        ana.wait_for_call(&id, CallState::Rejected).await.unwrap();
        scene.is_settled().await;
        let heard = |event: &Event| matches!(event, Event::IncomingCall(call) if matches!(call.action, CallAction::Terminate { .. }));
        assert_eq!(client.count(heard), 0);
    }
}

#[tokio::test]
async fn a_caller_who_gives_up_ends_the_ringing() {
    let scene = Scene::new(false).await;
    let Scene { ana, bia, client, .. } = &scene;
    let id = bia.call(ANA, true).await.unwrap();
    let call = rings(client, &id).await;
    assert!(matches!(call.action, CallAction::Offer { is_video: true, .. }), "{call:?}");
    assert!(ana.calls()[0].video);
    bia.hang_up(&id).await.unwrap();
    assert_eq!(ends(client, &id).await, None);
    ana.wait_for_call(&id, CallState::Ended).await.unwrap();
    assert_eq!(bia.calls()[0].state, CallState::Ended);
    // Too late.
    client.client.voip().reject(&call).await.unwrap();
    assert!(matches!(bia.hang_up(&id).await, Err(Error::Conflict(_))));
    assert!(matches!(bia.hang_up("unheard-of").await, Err(Error::NotFound(_))));
    assert!(matches!(bia.call(BIA, false).await, Err(Error::Conflict(_))));
    scene.is_settled().await;
    assert_eq!(bia.calls()[0].state, CallState::Ended);
}

#[tokio::test]
async fn an_owner_who_rejects_on_the_phone_silences_the_companions() {
    let scene = Scene::new(true).await;
    let Scene { ana, bia, client, .. } = &scene;
    let id = bia.call(ANA, false).await.unwrap();
    rings(client, &id).await;
    ana.hang_up(&id).await.unwrap();
    bia.wait_for_call(&id, CallState::Rejected).await.unwrap();
    assert_eq!(ends(client, &id).await.as_deref(), Some("rejected_elsewhere"));
    assert_eq!(ana.calls()[0].state, CallState::Rejected);
    scene.is_settled().await;
}

#[tokio::test]
async fn a_call_that_came_while_the_client_was_away_is_missed_and_does_not_ring() {
    let Scene { sim, ana, bia, client } = Scene::new(false).await;
    let store = client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    let id = bia.call(ANA, false).await.unwrap();
    bia.hang_up(&id).await.unwrap();
    let client = TestClient::with_store(&sim, "Ana", store).await;
    client
        .event(|event| match event {
            Event::MissedCall(call) if call.call_id == id => Some(()),
            _ => None,
        })
        .await;
    eventually("empty queues", async || sim.stats().queued == 0).await;
    let rang = |event: &Event| matches!(event, Event::IncomingCall(call) if matches!(call.action, CallAction::Offer { .. }));
    assert_eq!(client.count(rang), 0);
}
