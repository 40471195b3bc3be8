use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_domain::{
    Result,
    event::ReceiptKind,
    message::MessageId,
    ports::{
        History, HistoryBatch, Inbound, SessionEnd, SessionEvent, SessionObserver, SessionRequest,
        WhatsApp,
    },
};

use crate::{
    recorder::{Recorder, Told},
    world::{ANA, OWN, World},
};

#[tokio::test]
async fn messages_that_are_not_taken_end_the_session_and_come_again_in_order() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    ana.send_text(OWN, "antes").await.unwrap();
    paired.live.recorder.message("antes").await;
    paired.live.recorder.refuse();
    for text in ["um", "dois", "três"] {
        ana.send_text(OWN, text).await.unwrap();
    }
    let end = paired.live.recorder.end().await;
    assert!(matches!(end, SessionEnd::StoreFailed(_)), "{end:?}");

    let next = world.reconnect(paired.instance).await;
    next.recorder.message("três").await;
    let texts: Vec<_> = next
        .recorder
        .told()
        .iter()
        .filter_map(|told| match told {
            Told::Inbound(inbound) => Some(inbound.message.content.text().to_owned()),
            Told::Event(_) => None,
        })
        .collect();
    assert_eq!(texts, ["um", "dois", "três"]);
}

#[tokio::test]
async fn a_message_that_comes_again_is_recognised_by_its_key() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    paired.live.recorder.refuse();
    ana.send_text(OWN, "de novo").await.unwrap();
    paired.live.recorder.end().await;
    let [first] = &paired.live.recorder.refused()[..] else { panic!("not offered") };

    let next = world.reconnect(paired.instance).await;
    let again = next.recorder.wait_for("message again", |told| match told {
        Told::Inbound(inbound) => Some(inbound.clone()),
        Told::Event(_) => None,
    });
    let again = again.await;
    assert_eq!((&again.key, &again.raw), (&first.key, &first.raw));
    assert_eq!(again.message, first.message);
}

#[tokio::test]
async fn a_receipt_is_not_acknowledged_before_it_is_taken() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    paired.live.recorder.hold_receipts(true);
    let (id, sent) = paired.live.send(ANA, "olá").await;
    sent.unwrap();
    ana.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
    paired.live.recorder.holding().await;
    let session = paired.live.session.clone();
    let aborting = tokio::spawn(async move { session.abort().await });
    // Whoever takes it now takes it too late: the session is over before it could be acknowledged.
    paired.phone.wait_for_device(paired.device, false).await.unwrap();
    paired.live.recorder.hold_receipts(false);
    aborting.await.unwrap();

    let next = world.reconnect(paired.instance).await;
    next.recorder
        .event("receipt again", |event| match event {
            SessionEvent::Receipt { receipt, .. } => (receipt.kind == ReceiptKind::Delivered
                && receipt.message_ids == [id.clone()])
            .then_some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn a_receipt_that_is_not_taken_ends_the_session_and_comes_again() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    paired.live.recorder.refuse();
    // The end may come before the send is answered.
    let _ = paired.live.send(ANA, "olá").await;
    let end = paired.live.recorder.end().await;
    assert!(matches!(end, SessionEnd::StoreFailed(_)), "{end:?}");
    // Whatever else had come was not even offered.
    assert_eq!(paired.live.recorder.receipts(), 1);
    let next = world.reconnect(paired.instance).await;
    next.recorder
        .event("receipt again", |event| matches!(event, SessionEvent::Receipt { .. }).then_some(()))
        .await;
}

/// Fails inside whenever it is told of messages.
struct Clumsy(Arc<Recorder>);

#[async_trait]
impl SessionObserver for Clumsy {
    async fn on_inbound(&self, _: Vec<Inbound>) -> Result<()> {
        panic!("as planned")
    }

    async fn on_event(&self, event: SessionEvent) -> Result<()> {
        self.0.on_event(event).await
    }

    async fn on_history(&self, batch: HistoryBatch) -> Result<()> {
        self.0.on_history(batch).await
    }

    async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>> {
        self.0.recall(id).await
    }
}

#[tokio::test]
async fn an_observer_that_fails_inside_ends_the_session_once_and_loses_nothing() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    let ana = world.phone(ANA, "Ana");
    ana.send_text(OWN, "cuidado").await.unwrap();
    let recorder = Recorder::new();
    let request = SessionRequest {
        instance: paired.instance,
        proxy: None,
        history: History::Skip,
        keep_online: false,
    };
    let session = world.adapter.start(request, Arc::new(Clumsy(recorder.clone()))).await.unwrap();
    let end = recorder.end().await;
    assert!(matches!(end, SessionEnd::StoreFailed(_)), "{end:?}");
    session.abort().await;
    assert_eq!(recorder.ends().len(), 1);
    world.reconnect(paired.instance).await.recorder.message("cuidado").await;
}
