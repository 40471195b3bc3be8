use std::time::Duration;

use wharf_domain::{
    message::{Direction, MessageStatus},
    ports::{Clock, HistoricMessage, History, HistoryBatch, SessionRequest},
};
use wharf_whatsapp_sim::{PastMessage, Phone};

use crate::world::{ANA, OWN, Paired, World, eventually, instance, request};

const HOUR: u64 = 60 * 60;

/// One message an hour, on the half hour; every other one is our own.
fn past(world: &World, hours: u64) -> Vec<PastMessage> {
    let now = u64::try_from(world.clock.now().timestamp()).unwrap();
    let message = |hour| PastMessage {
        with: ANA.to_owned(),
        text: format!("há {hour} horas"),
        from_me: hour % 2 == 0,
        at: now - hour * HOUR + HOUR / 2,
    };
    (1..=hours).map(message).collect()
}

/// A world with a phone that has something to tell.
async fn world(hours: u64) -> (World, Phone) {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    world.phone(ANA, "Ana");
    phone.add_history(past(&world, hours)).await.unwrap();
    (world, phone)
}

async fn pair(world: &World, phone: Phone, history: History) -> Paired {
    world.pair_with(phone, SessionRequest { history, ..request(instance()) }).await
}

/// What was told of the past, once it was so many messages and the phone was done. The library may read one piece
/// before another.
async fn told(paired: &Paired, messages: usize) -> Vec<HistoryBatch> {
    let batches = || paired.live.recorder.history();
    eventually("the end of the history", || {
        let batches = batches();
        let told: usize = batches.iter().map(|batch| batch.messages.len()).sum();
        told >= messages && batches.iter().any(|batch| batch.progress == Some(100))
    })
    .await;
    batches()
}

fn messages(batches: Vec<HistoryBatch>) -> Vec<HistoricMessage> {
    batches.into_iter().flat_map(|batch| batch.messages).collect()
}

#[tokio::test]
async fn the_past_is_told_in_small_batches_oldest_first() {
    let (world, phone) = world(450).await;
    let paired = pair(&world, phone, History::All).await;
    let batches = told(&paired, 450).await;
    for HistoryBatch { messages, .. } in &batches {
        assert!(messages.len() <= 200, "{}", messages.len());
        assert!(messages.iter().is_sorted_by_key(|past| past.message.timestamp));
    }
    let messages = messages(batches);
    assert_eq!(messages.len(), 450);
    for HistoricMessage { message, status, raw } in &messages {
        let is_own = message.direction == Direction::Outgoing;
        assert_eq!(message.chat.party.jid.user(), ANA);
        assert_eq!(message.sender.jid.user(), if is_own { OWN } else { ANA });
        assert_eq!(message.recipient.is_some(), is_own);
        assert!(is_own || *status == MessageStatus::Delivered);
        assert!(!raw.is_empty());
    }
    let own = messages.iter().filter(|past| past.message.direction == Direction::Outgoing);
    assert_eq!(own.count(), 225);
}

#[tokio::test]
async fn only_the_days_that_were_asked_for_are_told() {
    let (world, phone) = world(72).await;
    let paired = pair(&world, phone, History::Days(1)).await;
    let messages = messages(told(&paired, 24).await);
    assert_eq!(messages.len(), 24);
    let oldest = messages.iter().map(|past| past.message.timestamp).min().unwrap();
    assert!(world.clock.now() - oldest < chrono::TimeDelta::days(1));
}

#[tokio::test]
async fn a_history_that_is_skipped_is_not_even_downloaded() {
    let (world, phone) = world(24).await;
    let paired = pair(&world, phone, History::Skip).await;
    let offers = || paired.phone.history();
    eventually("the offers are acknowledged", || {
        !offers().is_empty() && offers().iter().all(|offer| offer.acknowledged)
    })
    .await;
    assert!(offers().iter().all(|offer| offer.downloads == 0), "{:?}", offers());
    assert!(paired.live.recorder.history().is_empty());
}

#[tokio::test]
async fn messages_go_on_while_the_past_is_taken() {
    let (world, phone) = world(10).await;
    let instance = instance();
    let live = world
        .start_as(SessionRequest { history: History::All, ..request(instance) })
        .await
        .unwrap();
    live.recorder.hold_history(true);
    let device = phone.scan(live.qr().await.as_str()).await.unwrap();
    live.connected().await;
    live.recorder.holding_history().await;
    let ana = world.simulator.phone(ANA).unwrap();
    ana.send_text(OWN, "agora").await.unwrap();
    live.recorder.message("agora").await;
    live.send(ANA, "também agora").await.1.unwrap();
    // And it does not keep the session from ending.
    tokio::time::timeout(Duration::from_secs(20), live.session.stop()).await.unwrap();
    phone.wait_for_device(device, false).await.unwrap();
    assert_eq!(world.stores.holders(instance), 0);
    assert!(live.recorder.history().is_empty());
}
