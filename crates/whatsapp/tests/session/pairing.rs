use wharf_domain::{
    Error,
    ports::{SessionEnd, SessionEvent, WhatsApp},
};
use wharf_whatsapp_sim::{
    Simulator,
    faults::{Fault, Limit},
};

use crate::{
    recorder::Told,
    world::{ANA, OWN, World, instance, number},
};

#[tokio::test]
async fn a_scanned_code_pairs_and_connects_the_device() {
    let world = World::new().await;
    let paired = world.pair().await;
    let events: Vec<_> = paired
        .live
        .recorder
        .told()
        .into_iter()
        .filter_map(|told| match told {
            Told::Event(event) => Some(event),
            Told::Inbound(_) => None,
        })
        .collect();
    let position = |like: fn(&SessionEvent) -> bool| events.iter().position(like).unwrap();
    let qr = position(|event| matches!(event, SessionEvent::Qr { .. }));
    let accepted = position(|event| matches!(event, SessionEvent::Paired { .. }));
    let connected = position(|event| matches!(event, SessionEvent::Connected { .. }));
    assert!(qr < accepted && accepted < connected, "{events:?}");

    let SessionEvent::Connected { profile } = &events[connected] else { unreachable!() };
    assert_eq!(profile.jid.as_ref().unwrap().user(), OWN);
    assert_eq!(profile.lid.as_ref().unwrap().to_string(), paired.phone.lid());
    assert_eq!(profile.name.as_deref(), Some("Loja"), "the account's own push name");
    assert!(world.adapter.is_paired(paired.instance).await.unwrap());
    let devices = paired.phone.devices();
    assert_eq!(devices[1].name, "Wharf");
    assert!(devices[1].online);
}

#[tokio::test]
async fn the_keys_are_stored_when_the_pairing_is_told() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    let instance = instance();
    let live = world.start(instance).await;
    let qr = live.qr().await;
    let scanning = tokio::spawn(async move { phone.scan(qr.as_str()).await });
    live.recorder
        .event("pairing", |event| matches!(event, SessionEvent::Paired { .. }).then_some(()))
        .await;
    assert!(world.adapter.is_paired(instance).await.unwrap());
    scanning.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pairing_over_tls_trusts_the_added_authority() {
    let simulator = Simulator::start().await.unwrap();
    let url = simulator.whatsapp_url().replace("ws://", "wss://").parse().unwrap();
    let world = World::on(simulator, |config| config.url = url);
    world.pair().await;
}

#[tokio::test]
async fn a_typed_code_pairs_and_connects_the_device() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    let live = world.start(instance()).await;
    let code = live.session.pairing_code(&number(OWN)).await.unwrap();
    phone.enter_code(&code.display()).await.unwrap();
    live.connected().await;
}

#[tokio::test]
async fn an_outstanding_code_is_given_again_for_the_same_number_only() {
    let world = World::new().await;
    world.phone(OWN, "Loja");
    world.phone(ANA, "Ana");
    let live = world.start(instance()).await;
    let first = live.session.pairing_code(&number(OWN)).await.unwrap();
    assert_eq!(live.session.pairing_code(&number(OWN)).await.unwrap(), first);
    assert_ne!(live.session.pairing_code(&number(ANA)).await.unwrap(), first);
}

#[tokio::test]
async fn asking_for_codes_too_often_is_refused_with_whatsapps_code() {
    let world = World::new().await;
    world.phone(OWN, "Loja");
    for _ in 0..20 {
        let live = world.start(instance()).await;
        match live.session.pairing_code(&number(OWN)).await {
            Ok(_) => live.session.stop().await,
            Err(refusal) => {
                assert!(matches!(refusal, Error::Refused { code: 429 }), "{refusal:?}");
                return;
            }
        }
    }
    panic!("never refused");
}

#[tokio::test]
async fn a_paired_device_gets_no_pairing_code() {
    let world = World::new().await;
    let paired = world.pair().await;
    let refusal = paired.live.session.pairing_code(&number(OWN)).await.unwrap_err();
    assert!(matches!(refusal, Error::ConnectFailed(_)), "{refusal:?}");
}

#[tokio::test]
async fn a_pairing_the_phone_may_not_make_leaves_the_session_waiting() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    world.fault(Fault::ForbidPairing, Limit::Count(1));
    let live = world.start(instance()).await;
    let qr = live.qr().await;
    phone.scan(qr.as_str()).await.unwrap_err();
    phone.scan(qr.as_str()).await.unwrap();
    live.connected().await;
    assert!(live.recorder.ends().is_empty());
}

#[tokio::test]
async fn a_phone_that_cannot_link_devices_is_told_and_the_code_stays() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    world.fault(Fault::Downgrade, Limit::Count(1));
    let live = world.start(instance()).await;
    let code = live.qr().await;
    assert!(phone.scan(code.as_str()).await.is_err());
    live.recorder
        .event("scan", |event| {
            matches!(event, SessionEvent::ScannedWithoutMultidevice).then_some(())
        })
        .await;
    phone.scan(code.as_str()).await.unwrap();
    live.connected().await;
}

#[tokio::test]
async fn a_spoilt_pairing_is_told() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    world.fault(Fault::SpoilPairing, Limit::Count(1));
    let live = world.start(instance()).await;
    let _ = phone.scan(live.qr().await.as_str()).await;
    live.recorder
        .event("failure", |event| matches!(event, SessionEvent::PairingFailed(_)).then_some(()))
        .await;
}

#[tokio::test]
async fn a_session_that_waits_to_be_paired_can_be_stopped() {
    let world = World::new().await;
    let live = world.start(instance()).await;
    live.qr().await;
    live.session.stop().await;
    assert_eq!(live.recorder.ends(), [SessionEnd::Stopped]);
}

#[tokio::test]
async fn forgotten_keys_have_to_be_paired_again() {
    let world = World::new().await;
    let paired = world.pair().await;
    let refusal = world.adapter.forget(paired.instance).await.unwrap_err();
    assert!(matches!(refusal, Error::ConnectFailed(_)), "a session runs: {refusal:?}");
    paired.live.session.stop().await;
    world.adapter.forget(paired.instance).await.unwrap();
    assert!(!world.adapter.is_paired(paired.instance).await.unwrap());
    world.start(paired.instance).await.qr().await;
}
