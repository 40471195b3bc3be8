use std::time::Duration;

use wharf_domain::{Error, message::MessageId, ports::SessionEvent};
use wharf_whatsapp_sim::faults::{Fault, Limit};

use crate::world::{ANA, Live, World, instance};

async fn late_ack(live: &Live, of: &MessageId) -> Option<u16> {
    live.recorder
        .event("late acknowledgement", |event| match event {
            SessionEvent::LateAck { id, refused, .. } if id == of => Some(*refused),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_refusal_comes_with_whatsapps_code() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    world.fault(Fault::Refuse { code: 463 }, Limit::Count(1));
    let (_, sent) = paired.live.send(ANA, "olá").await;
    let refusal = sent.unwrap_err();
    assert!(matches!(refusal, Error::Refused { code: 463 }), "{refusal:?}");
    // The session is none the worse for it.
    paired.live.send(ANA, "de novo").await.1.unwrap();
}

#[tokio::test]
async fn a_message_that_is_never_acknowledged_is_given_up_in_time() {
    let world = World::with(|config| config.answer_limit = Duration::from_secs(1)).await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    world.fault(Fault::Stall { ms: 60_000 }, Limit::Count(1));
    let (_, sent) = paired.live.send(ANA, "olá").await;
    assert!(matches!(sent, Err(Error::NotAcknowledged)), "{sent:?}");
}

#[tokio::test]
async fn an_acknowledgement_after_that_is_told() {
    let world = World::with(|config| config.answer_limit = Duration::from_secs(2)).await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    // So that only the acknowledgement takes long.
    paired.live.send(ANA, "primeiro").await.1.unwrap();
    world.fault(Fault::Stall { ms: 3000 }, Limit::Count(1));
    let (id, sent) = paired.live.send(ANA, "olá").await;
    assert!(matches!(sent, Err(Error::NotAcknowledged)), "{sent:?}");
    assert_eq!(late_ack(&paired.live, &id).await, None);
}

#[tokio::test]
async fn a_sender_who_stops_waiting_leaves_the_acknowledgement_to_the_observer() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    world.fault(Fault::DelayAck { ms: 300 }, Limit::Count(1));
    let outgoing = paired.live.outgoing(ANA, "olá");
    let session = paired.live.session.clone();
    let (id, sending) =
        (outgoing.id.clone(), tokio::spawn(async move { session.send(&outgoing).await }));
    ana.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
    sending.abort();
    assert_eq!(late_ack(&paired.live, &id).await, None);
}

#[tokio::test]
async fn a_receipt_stands_for_an_acknowledgement_that_never_comes() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    world.fault(Fault::HoldAcks, Limit::Count(1));
    paired.live.send(ANA, "olá").await.1.unwrap();
}

#[tokio::test]
async fn without_a_connection_nothing_is_sent() {
    let world = World::new().await;
    let live = world.start(instance()).await;
    live.qr().await;
    let (_, sent) = live.send(ANA, "olá").await;
    assert!(matches!(sent, Err(Error::NotConnected)), "{sent:?}");
    live.session.stop().await;
    let (_, sent) = live.send(ANA, "olá").await;
    assert!(matches!(sent, Err(Error::NotConnected)), "{sent:?}");
}
