use wharf_domain::{
    address::Jid,
    event::{Receipt, ReceiptKind},
    message::MessageId,
    ports::{Outgoing, SessionEvent},
};
use wharf_whatsapp_sim::{Simulator, Telling};

use crate::world::{ANA, Live, OWN, World};

async fn receipt(live: &Live, id: &str, kind: ReceiptKind) -> Receipt {
    let id = MessageId::parse(id).unwrap();
    live.recorder
        .event(kind.as_str(), |event| match event {
            SessionEvent::Receipt { receipt, .. }
                if receipt.kind == kind && receipt.message_ids.contains(&id) =>
            {
                Some(receipt.clone())
            }
            _ => None,
        })
        .await
}

async fn worlds() -> [World; 2] {
    let by = |lid| async move {
        let simulator = Simulator::builder().lid_addressing(lid).start().await.unwrap();
        World::on(simulator, |_| {})
    };
    [by(false).await, by(true).await]
}

#[tokio::test]
async fn every_kind_of_receipt_of_the_other_side_is_told() {
    let table = [
        (Telling::Delivered, ReceiptKind::Delivered),
        (Telling::Inactive, ReceiptKind::Inactive),
        (Telling::Read, ReceiptKind::Read),
        (Telling::Played, ReceiptKind::Played),
        (Telling::Retry, ReceiptKind::Retry),
        (Telling::ServerError, ReceiptKind::ServerError),
    ];
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        for (telling, kind) in table {
            let (id, sent) = paired.live.send(ANA, "olá").await;
            sent.unwrap();
            ana.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
            ana.tell(&[id.as_str()], telling).await.unwrap();
            let told = receipt(&paired.live, id.as_str(), kind).await;
            assert_eq!((told.chat.party.jid.user(), told.from.jid.user()), (ANA, ANA), "{kind:?}");
            assert_eq!(told.author, None, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_the_owner_does_on_another_device_is_told_in_the_chat_it_is_done_in() {
    let table = [
        (Telling::Read, ReceiptKind::ReadSelf),
        (Telling::ReadSelf, ReceiptKind::ReadSelf),
        (Telling::PlayedSelf, ReceiptKind::PlayedSelf),
    ];
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        for (telling, kind) in table {
            let id = ana.send_text(OWN, "oi").await.unwrap();
            paired.phone.wait_for_message(|shown| shown.id == id).await.unwrap();
            paired.phone.tell(&[&id], telling).await.unwrap();
            let told = receipt(&paired.live, &id, kind).await;
            assert_eq!(
                (told.chat.party.jid.user(), told.from.jid.user()),
                (ANA, OWN),
                "{telling:?}"
            );
        }
        let (id, sent) = paired.live.send(ANA, "olá").await;
        sent.unwrap();
        paired.phone.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
        paired.phone.tell(&[id.as_str()], Telling::Sender).await.unwrap();
        let told = receipt(&paired.live, id.as_str(), ReceiptKind::Sender).await;
        assert_eq!((told.chat.party.jid.user(), told.from.jid.user()), (ANA, OWN));
    }
}

#[tokio::test]
async fn receipts_in_a_group_say_who_wrote_what_they_speak_of() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
        let to = Jid::parse(&group).unwrap();
        let outgoing = Outgoing { to: to.clone(), ..paired.live.outgoing(ANA, "cheguei") };
        paired.live.session.send(&outgoing).await.unwrap();
        let id = outgoing.id.as_str();
        ana.wait_for_message(|shown| shown.id == id).await.unwrap();
        for (telling, kind) in
            [(Telling::Read, ReceiptKind::Read), (Telling::Retry, ReceiptKind::Retry)]
        {
            ana.tell(&[id], telling).await.unwrap();
            let told = receipt(&paired.live, id, kind).await;
            assert_eq!((&told.chat.party.jid, told.from.jid.user()), (&to, ANA));
            assert_eq!(told.author.unwrap().user(), OWN);
        }
    }
}
