//! What becomes of the link with WhatsApp: all sixteen states.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ANA, Scene};
use crate::{receiver::Received, until};

const CONNECT: &str = "/api/instance/connect/sales";

impl Scene {
    async fn fault(&self, mut fault: Value) {
        fault["number"] = json!(ANA);
        self.world.whatsapp.fault(fault).await;
    }

    /// How often a state has been told.
    fn told(&self, state: &str) -> usize {
        self.all("instance.state").iter().filter(|data| data["state"] == state).count()
    }

    /// Waits until a state has been told once more than before, and gives the last of these events.
    async fn once_more(&self, state: &str, before: usize) -> Received {
        until(state, || async { (self.told(state) > before).then_some(()) }).await;
        let received = self.world.receiver.received();
        let is_it =
            |r: &&Received| r.body["event"] == "instance.state" && r.body["data"]["state"] == state;
        received.iter().rfind(is_it).unwrap().clone()
    }

    /// Pins the first telling of a state.
    async fn state(&self, state: &str) {
        let came = self.world.receiver.wait_for_state(state).await;
        self.pin(&format!("state_{state}"), &came);
    }

    /// What was told, in order.
    fn states(&self) -> Vec<Value> {
        self.all("instance.state").iter().map(|data| data["state"].clone()).collect()
    }

    async fn qr(&self) -> String {
        let (status, answer) = self.world.gateway.get(CONNECT).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["qrCode"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn until_it_is_linked_and_when_that_is_undone() {
    let scene = Scene::unpaired().await;
    scene.fault(json!({ "fault": "downgrade", "count": 1 })).await;
    let qr = scene.qr().await;
    let ready = scene.world.receiver.wait_for_state("qr_ready").await;
    let codes = ready.body["data"]["codes"].as_array().unwrap().clone();
    for (place, code) in codes.iter().enumerate() {
        scene.name(code.as_str().unwrap(), &format!("<code {}>", place + 1));
    }
    assert!(codes.contains(&json!(qr)));
    scene.pin("state_qr_ready", &ready);
    scene.world.whatsapp.scan_in_vain(ANA, &qr).await;
    scene.state("qr_scanned_no_multidevice").await;
    scene.world.gateway.delete(CONNECT).await;
    let cancelled = scene.world.receiver.wait_for_state("pair_error").await;
    scene.pin("state_pair_error_cancelled", &cancelled);

    scene.fault(json!({ "fault": "spoil-pairing", "count": 1 })).await;
    let qr = scene.qr().await;
    scene.world.whatsapp.scan_in_vain(ANA, &qr).await;
    // The attempt before was cancelled, and that is told by the same name.
    let spoilt = scene.once_more("pair_error", 1).await;
    scene.pin("state_pair_error", &spoilt);

    scene.world.gateway.pair("sales", &scene.world.whatsapp, ANA).await;
    scene.state("pair_success").await;
    scene.state("connected").await;
    let (status, answer) =
        scene.world.gateway.call(Method::POST, "/api/instance/reconnect/sales", Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    scene.state("manual_reconnect").await;
    scene.once_more("connected", 1).await;
    scene.fault(json!({ "fault": "unlink", "count": 1 })).await;
    scene.state("logged_out").await;
    scene.snapshot("states_of_linking", &Value::from(scene.states()));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_whatsapp_breaks_ends_or_refuses_a_connection() {
    let scene = Scene::paired().await;
    // Whatever ends a connection that it gets up from by itself.
    for (name, fault) in [
        ("disconnected", json!({ "fault": "drop" })),
        ("stream_error", json!({ "fault": "stream-error", "code": 503 })),
    ] {
        let before = scene.told("connected");
        scene.fault(fault).await;
        scene.state(name).await;
        scene.once_more("connected", before).await;
    }
    let before = scene.told("connected");
    // It strikes at the next login.
    scene.fault(json!({ "fault": "fail-login", "code": 413 })).await;
    scene.fault(json!({ "fault": "drop" })).await;
    scene.state("cat_refresh_error").await;
    scene.once_more("connected", before).await;
    // Whatever it waits after for somebody to want it again.
    for (name, fault) in [
        ("stream_replaced", json!({ "fault": "replace" })),
        ("client_outdated", json!({ "fault": "outdated", "count": 1 })),
        ("connect_failure", json!({ "fault": "ban", "count": 1 })),
    ] {
        let before = scene.told("connected");
        scene.fault(fault).await;
        scene.state(name).await;
        until("connected again", || async {
            let (status, _) = scene.world.gateway.get(CONNECT).await;
            (status == StatusCode::OK).then_some(())
        })
        .await;
        scene.once_more("connected", before).await;
    }
    // And what it waits out.
    scene.fault(json!({ "fault": "temp-ban", "code": 101, "seconds": 3_600 })).await;
    scene.state("temp_banned").await;
    scene.snapshot("states_of_breaking", &Value::from(scene.states()));
}

/// Takes the time in which the gateway finds out that nobody is there. Where something it had sent was not answered yet
/// the library may be faster and hang up; then there is another try.
#[tokio::test(flavor = "multi_thread")]
async fn when_whatsapp_falls_silent_and_answers_again() {
    let scene = Scene::paired().await;
    for _ in 0..5 {
        let (connected, lost) = (scene.told("connected"), scene.told("disconnected"));
        scene.fault(json!({ "fault": "stall", "ms": 600_000 })).await;
        until("silence", || async {
            let is_noticed = scene.told("keepalive_timeout") + scene.told("disconnected") > lost;
            is_noticed.then_some(())
        })
        .await;
        scene.world.whatsapp.clear_faults().await;
        if scene.told("keepalive_timeout") > 0 {
            break;
        }
        scene.once_more("connected", connected).await;
    }
    scene.state("keepalive_timeout").await;
    scene.state("keepalive_restored").await;
}
