//! Every fault, as a real client meets it.

use std::time::Duration;

use serde_json::{Value, json};
use wacore::types::events::{ConnectFailureReason, Event, TempBanReason};
use wharf_whatsapp_sim::faults::{ActiveFault, FaultRequest};
use wharf_whatsapp_sim::{Error, Phone, Simulator};

use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BRUNO: &str = "5511999990002";
/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

fn is_disconnection(event: &Event) -> bool {
    matches!(event, Event::Disconnected(_))
}

/// Asks for a fault as programs do.
pub(crate) fn fault(sim: &Simulator, fault: Value) -> ActiveFault {
    let request: FaultRequest = serde_json::from_value(fault).unwrap();
    sim.add_fault(request.check(0).unwrap()).unwrap()
}

struct Scene {
    sim: Simulator,
    ana: Phone,
    bruno: Phone,
    /// Ana's.
    client: TestClient,
}

impl Scene {
    async fn new() -> Self {
        let sim = Simulator::start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bruno = sim.create_phone(BRUNO, "Bruno").unwrap();
        let client = TestClient::linked(&sim, &ana).await;
        Self { sim, ana, bruno, client }
    }

    fn fault(&self, mut fault: Value) -> ActiveFault {
        fault["number"] = json!(ANA);
        self::fault(&self.sim, fault)
    }

    /// The connection works both ways.
    async fn is_alive(&self) {
        self.bruno.send_text(ANA, "still there?").await.unwrap();
        self.client.text("still there?").await;
        let id = self.client.send(BRUNO, "yes").await;
        self.bruno.wait_for_message(|message| message.id == id).await.unwrap();
    }
}

/// Ana's client in a new process.
async fn restarted(sim: &Simulator, client: TestClient) -> TestClient {
    TestClient::with_store(sim, "Ana", client.stop().await).await
}

#[tokio::test]
async fn a_dropped_client_comes_back() {
    let scene = Scene::new().await;
    let seen = scene.client.seen();
    scene.fault(json!({ "fault": "drop" }));
    scene.client.event(|event| is_disconnection(event).then_some(())).await;
    scene.client.connected_after(seen).await;
    scene.is_alive().await;
}

#[tokio::test]
async fn a_stalled_connection_takes_up_again_where_it_was() {
    let scene = Scene::new().await;
    // An hour: what ends it is its being cleared.
    scene.fault(json!({ "fault": "stall", "ms": 3_600_000 }));
    scene.bruno.send_text(ANA, "held up").await.unwrap();
    assert_eq!(scene.client.texts("held up"), 0);
    assert_eq!(scene.sim.stats().queued, 1);
    scene.sim.clear_faults();
    scene.client.text("held up").await;
    scene.is_alive().await;
    assert_eq!(scene.client.count(is_disconnection), 0);
}

#[tokio::test]
async fn a_stall_ends_by_itself() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "stall", "ms": 300 }));
    scene.is_alive().await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stalled_connection_is_gone() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "stall", "ms": 3_600_000 }));
    let store = scene.client.stop().await;
    scene.ana.wait_for_device(1, false).await.unwrap();
    TestClient::with_store(&scene.sim, "Ana", store).await.connected().await;
}

#[tokio::test]
async fn a_stalled_connection_ends_when_its_device_logs_in_again() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "stall", "ms": 3_600_000 }));
    let store = std::sync::Arc::clone(&scene.client.backend);
    let second = TestClient::with_store(&scene.sim, "Ana", store).await;
    second.connected().await;
    scene.client.event(|event| is_disconnection(event).then_some(())).await;
}

#[tokio::test]
async fn a_delayed_acknowledgement_comes_after_the_message() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "delay-ack", "ms": 1500 }));
    let id = scene.client.send(BRUNO, "slow").await;
    scene.bruno.wait_for_message(|message| message.id == id).await.unwrap();
    let acknowledges = |event: &Event| matches!(event, Event::ServerAck(ack) if ack.id == id);
    assert_eq!(scene.client.count(acknowledges), 0);
    assert_eq!(scene.client.ack(&id).await, None);
}

#[tokio::test]
async fn a_held_acknowledgement_never_comes_though_the_message_does() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "hold-acks" }));
    let held = scene.client.send(BRUNO, "held").await;
    scene.bruno.wait_for_message(|message| message.id == held).await.unwrap();
    scene.sim.clear_faults();
    let next = scene.client.send(BRUNO, "next").await;
    assert_eq!(scene.client.ack(&next).await, None);
    let acknowledges = |event: &Event| matches!(event, Event::ServerAck(ack) if ack.id == held);
    assert_eq!(scene.client.count(acknowledges), 0);
}

#[tokio::test]
async fn a_refused_message_is_not_delivered() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "refuse", "code": 463 }));
    let refused = scene.client.send(BRUNO, "refused").await;
    assert_eq!(scene.client.ack(&refused).await.as_deref(), Some("463"));
    let next = scene.client.send(BRUNO, "next").await;
    scene.bruno.wait_for_message(|message| message.id == next).await.unwrap();
    assert!(scene.bruno.messages().iter().all(|message| message.id != refused));
}

#[tokio::test]
async fn an_acknowledged_stanza_can_be_delivered_again() {
    let scene = Scene::new().await;
    let id = scene.bruno.send_text(ANA, "once").await.unwrap();
    scene.client.text("once").await;
    let node = scene
        .client
        .client
        .wait_for_node(whatsapp_rust::NodeFilter::tag("message").attr("id", id.clone()));
    scene.fault(json!({ "fault": "redeliver", "messageId": id }));
    tokio::time::timeout(PATIENCE, node).await.unwrap().unwrap();
    assert_eq!(scene.sim.stats().redelivered, 1);
    scene.is_alive().await;
}

#[tokio::test]
async fn what_no_device_knows_cannot_be_delivered_again() {
    let scene = Scene::new().await;
    let request = json!({ "number": ANA, "fault": "redeliver", "messageId": "NEVER" });
    let request: FaultRequest = serde_json::from_value(request).unwrap();
    let refused = scene.sim.add_fault(request.check(0).unwrap());
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    assert_eq!(scene.sim.faults(), []);
}

#[tokio::test]
async fn a_message_is_delivered_again_at_the_next_login_of_a_client_that_is_away() {
    let scene = Scene::new().await;
    let id = scene.bruno.send_text(ANA, "once").await.unwrap();
    scene.client.text("once").await;
    eventually("an empty queue", async || scene.sim.stats().queued == 0).await;
    let store = scene.client.stop().await;
    scene.ana.wait_for_device(1, false).await.unwrap();
    let request = json!({ "number": ANA, "fault": "redeliver", "messageId": id });
    let request: FaultRequest = serde_json::from_value(request).unwrap();
    scene.sim.add_fault(request.check(0).unwrap()).unwrap();
    assert_eq!(scene.sim.stats().redelivered, 0);
    TestClient::with_store(&scene.sim, "Ana", store).await.connected().await;
    assert_eq!(scene.sim.stats().redelivered, 1);
    assert_eq!(scene.sim.faults(), []);
}

#[tokio::test]
async fn a_replaced_client_is_told_and_stays_away() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "replace" }));
    let replaced = |event: &Event| matches!(event, Event::StreamReplaced(_)).then_some(());
    scene.client.event(replaced).await;
    scene.ana.wait_for_device(1, false).await.unwrap();
    scene.bruno.send_text(ANA, "are you back?").await.unwrap();
    // It has nothing left to do that could bring it back: there is no login to wait for.
    scene.client.client.wait_for_connected(Duration::from_millis(500)).await.unwrap_err();
    assert_eq!(scene.sim.stats().queued, 1);
    assert_eq!(scene.client.texts("are you back?"), 0);
}

#[tokio::test]
async fn a_client_can_be_unlinked_twice() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "unlink", "count": 2 }));
    let logged_out = |event: &Event| matches!(event, Event::LoggedOut(_)).then_some(());
    scene.client.event(logged_out).await;
    let again = TestClient::new(&scene.sim, "Ana").await;
    scene.ana.scan(&again.qr().await).await.unwrap();
    again.event(logged_out).await;
    assert_eq!(scene.ana.devices().len(), 1);
    assert_eq!(scene.sim.faults(), []);
}

#[tokio::test]
async fn an_unlinked_client_is_logged_out() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "unlink" }));
    let logged_out = |event: &Event| matches!(event, Event::LoggedOut(_)).then_some(());
    scene.client.event(logged_out).await;
    assert_eq!(scene.ana.devices().len(), 1);
    let client = restarted(&scene.sim, scene.client).await;
    client
        .event(|event| match event {
            Event::LoggedOut(out) if out.on_connect => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_temporary_ban_says_why_and_for_how_long() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "temp-ban", "code": 104, "seconds": 3600, "count": 1 }));
    let (code, expire) = scene
        .client
        .event(|event| match event {
            Event::TemporaryBan(ban) => Some((ban.code.clone(), ban.expire)),
            _ => None,
        })
        .await;
    assert_eq!(code, TempBanReason::from(104));
    assert_eq!(expire.num_seconds(), 3600);
    // It was to strike once only.
    restarted(&scene.sim, scene.client).await.connected().await;
}

#[tokio::test]
async fn a_ban_refuses_every_login_until_it_is_lifted() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "ban" }));
    let banned = |event: &Event| match event {
        Event::LoggedOut(out) if out.reason == ConnectFailureReason::from(403) => Some(()),
        _ => None,
    };
    scene.client.event(banned).await;
    let client = restarted(&scene.sim, scene.client).await;
    client.event(banned).await;
    scene.sim.clear_faults();
    restarted(&scene.sim, client).await.connected().await;
}

#[tokio::test]
async fn an_outdated_client_is_told() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "outdated" }));
    let outdated = |event: &Event| matches!(event, Event::ClientOutdated(_)).then_some(());
    scene.client.event(outdated).await;
}

#[tokio::test]
async fn forbidden_pairing_links_nothing_until_it_is_allowed() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "forbid-pairing" }));
    let second = TestClient::new(&scene.sim, "Ana").await;
    let qr = second.qr().await;
    scene.ana.scan(&qr).await.unwrap_err();
    assert_eq!(scene.ana.devices().len(), 2);
    scene.sim.clear_faults();
    scene.ana.scan(&qr).await.unwrap();
    second.connected().await;
}

#[tokio::test]
async fn a_fault_of_one_number_leaves_others_alone() {
    let scene = Scene::new().await;
    let other = TestClient::linked(&scene.sim, &scene.bruno).await;
    let seen = scene.client.seen();
    scene.fault(json!({ "fault": "drop" }));
    scene.client.event(|event| is_disconnection(event).then_some(())).await;
    scene.client.connected_after(seen).await;
    let ana = scene.ana.send_text(BRUNO, "unharmed?").await.unwrap();
    assert_eq!(other.text("unharmed?").await.1.id, ana);
    assert_eq!(other.count(is_disconnection), 0);
}

#[tokio::test]
async fn a_login_can_be_refused_for_any_reason() {
    for code in [400, 409, 413, 414, 415, 418, 429, 500, 501, 503] {
        let scene = Scene::new().await;
        scene.fault(json!({ "fault": "fail-login", "code": code }));
        let reason = ConnectFailureReason::from(code);
        let refused = |event: &Event| match event {
            Event::ConnectFailure(failure) if failure.reason == reason => Some(()),
            _ => None,
        };
        scene.client.event(refused).await;
        assert_eq!(scene.sim.faults(), []);
        restarted(&scene.sim, scene.client).await.connected().await;
    }
}

#[tokio::test]
async fn a_stream_can_end_with_any_code() {
    for code in ["500", "516"] {
        let scene = Scene::new().await;
        scene.fault(json!({ "fault": "stream-error", "code": code.parse::<u16>().unwrap() }));
        scene
            .client
            .event(|event| match event {
                Event::StreamError(error) if error.code == code => Some(()),
                Event::LoggedOut(_) if code == "516" => Some(()),
                _ => None,
            })
            .await;
        assert_eq!(scene.sim.faults(), []);
    }
}

#[tokio::test]
async fn a_client_refuses_a_consent_that_was_spoilt_on_its_way() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "spoil-pairing" }));
    let second = TestClient::new(&scene.sim, "Ana").await;
    let qr = second.qr().await;
    assert!(matches!(scene.ana.scan(&qr).await, Err(Error::Conflict(_))));
    let error = |event: &Event| matches!(event, Event::PairError(_)).then_some(());
    second.event(error).await;
    assert_eq!(scene.ana.devices().len(), 2);
    scene.ana.scan(&second.qr().await).await.unwrap();
    second.connected().await;
}

#[tokio::test]
async fn every_connection_can_be_dropped_at_once() {
    let scene = Scene::new().await;
    let other = TestClient::linked(&scene.sim, &scene.bruno).await;
    let seen = [scene.client.seen(), other.seen()];
    fault(&scene.sim, json!({ "all": true, "fault": "drop" }));
    assert_eq!(scene.sim.faults(), []);
    for (client, seen) in [&scene.client, &other].into_iter().zip(seen) {
        client.event_after(seen, |event| is_disconnection(event).then_some(())).await;
        client.connected_after(seen).await;
    }
    scene.is_alive().await;
    let lost = |client: &TestClient| client.count(is_disconnection);
    assert_eq!((lost(&scene.client), lost(&other)), (1, 1));
}

#[tokio::test]
async fn a_phone_too_old_to_link_devices_says_so_to_who_shows_the_code() {
    let scene = Scene::new().await;
    scene.fault(json!({ "fault": "downgrade" }));
    let second = TestClient::new(&scene.sim, "Ana").await;
    let qr = second.qr().await;
    let told = second.client.wait_for_node(whatsapp_rust::NodeFilter::tag("ib"));
    assert!(matches!(scene.ana.scan(&qr).await, Err(Error::Conflict(_))));
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert!(told.get().get_optional_child("downgrade_webclient").is_some());
    scene.ana.scan(&qr).await.unwrap();
    second.connected().await;
}
