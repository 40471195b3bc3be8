use wharf_domain::{
    address::Jid,
    event::{Receipt, ReceiptKind},
    message::{ChatKind, Content, Direction, MessageId, Quote},
    ports::{Outgoing, SessionEvent},
};
use wharf_whatsapp_sim::{Receipt as Ticks, Simulator};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World, eventually, instance},
};

async fn receipt(live: &Live, id: &MessageId, kind: ReceiptKind) -> Receipt {
    live.recorder
        .event(kind.as_str(), |event| match event {
            SessionEvent::Receipt { receipt, .. }
                if receipt.kind == kind && receipt.message_ids.contains(id) =>
            {
                Some(receipt.clone())
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_text_reaches_the_phone_and_its_receipts_come_back() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let (id, sent) = paired.live.send(ANA, "olá").await;
    sent.unwrap();
    let shown = ana.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
    assert_eq!(shown.text.as_deref(), Some("olá"));
    let delivered = receipt(&paired.live, &id, ReceiptKind::Delivered).await;
    assert_eq!(delivered.chat.party.jid.user(), ANA);
    ana.read(id.as_str()).await.unwrap();
    let read = receipt(&paired.live, &id, ReceiptKind::Read).await;
    assert_eq!((read.from.jid.user(), read.chat.kind), (ANA, ChatKind::Private));
    // The owner's phone shows what the gateway sent.
    let own = paired.phone.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
    assert!(own.from_me);
}

#[tokio::test]
async fn a_text_from_a_phone_is_told_and_its_sender_sees_it_delivered() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_text(OWN, "bom dia").await.unwrap();
    let message = paired.live.recorder.message("bom dia").await;
    assert_eq!(message.id.as_str(), id);
    assert_eq!(message.direction, Direction::Incoming);
    assert_eq!((message.sender.jid.user(), message.sender.name.as_deref()), (ANA, Some("Ana")));
    assert_eq!(message.sender.lid.unwrap().to_string(), ana.lid());
    assert_eq!(message.chat.kind, ChatKind::Private);
    ana.wait_for_receipt(&id, Ticks::Delivered).await.unwrap();
}

#[tokio::test]
async fn a_text_typed_on_the_own_phone_is_told_as_outgoing() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    paired.phone.send_text(ANA, "do telefone").await.unwrap();
    let message = paired.live.recorder.message("do telefone").await;
    assert_eq!(message.direction, Direction::Outgoing);
    assert_eq!(message.sender.jid.user(), OWN);
    assert_eq!(message.recipient.unwrap().jid.user(), ANA);
    assert_eq!(message.chat.party.jid.user(), ANA);
}

#[tokio::test]
async fn answers_quote_in_both_directions() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let asked = ana.send_text(OWN, "tudo bem?").await.unwrap();
    let (question, raw) = paired
        .live
        .recorder
        .wait_for("question", |told| match told {
            Told::Inbound(inbound) => Some((inbound.message.clone(), inbound.raw.clone())),
            Told::Event(_) => None,
        })
        .await;
    let quote = Quote { message_id: question.id, author: None, text: "tudo bem?".to_owned() };
    let encoded =
        paired.live.session.encode_text("sim", Some((&quote, &question.sender.jid, Some(&raw))));
    let answer = Outgoing { raw: encoded, ..paired.live.outgoing(ANA, "") };
    paired.live.session.send(&answer).await.unwrap();
    let shown = ana.wait_for_message(|shown| shown.text.as_deref() == Some("sim")).await.unwrap();
    assert_eq!(shown.quoted_id.as_deref(), Some(asked.as_str()));

    ana.reply_text(OWN, "que bom", &shown.id).await.unwrap();
    let reply = paired.live.recorder.message("que bom").await;
    let quote = reply.quote.unwrap();
    assert_eq!((quote.message_id.as_str(), quote.text.as_str()), (shown.id.as_str(), "sim"));
    assert_eq!(quote.author.unwrap().user(), OWN);
}

#[tokio::test]
async fn chats_by_lid_are_told_by_phone_number() {
    let simulator = Simulator::builder().lid_addressing(true).start().await.unwrap();
    let world = World::on(simulator, |_| {});
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    ana.send_text(OWN, "por lid").await.unwrap();
    let message = paired.live.recorder.message("por lid").await;
    assert_eq!(message.sender.jid.user(), ANA);
    assert_eq!(message.chat.party.lid.unwrap().to_string(), ana.lid());
    let (id, sent) = paired.live.send(ANA, "também").await;
    sent.unwrap();
    let delivered = receipt(&paired.live, &id, ReceiptKind::Delivered).await;
    assert_eq!((delivered.chat.party.jid.user(), delivered.from.jid.user()), (ANA, ANA));
    paired.phone.send_text(ANA, "do telefone").await.unwrap();
    let typed = paired.live.recorder.message("do telefone").await;
    assert_eq!((typed.sender.jid.user(), typed.recipient.unwrap().jid.user()), (OWN, ANA));
    assert_eq!(typed.chat.party.jid.user(), ANA);
}

#[tokio::test]
async fn two_instances_write_to_each_other() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let other = world.start(instance()).await;
    ana.scan(other.qr().await.as_str()).await.unwrap();
    other.connected().await;
    paired.live.send(ANA, "de uma").await.1.unwrap();
    assert_eq!(other.recorder.message("de uma").await.sender.jid.user(), OWN);
    other.send(OWN, "para outra").await.1.unwrap();
    assert_eq!(paired.live.recorder.message("para outra").await.sender.jid.user(), ANA);
}

#[tokio::test]
async fn a_device_that_is_not_available_confirms_delivery_all_the_same() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let other = world.start(instance()).await;
    ana.scan(other.qr().await.as_str()).await.unwrap();
    other.connected().await;
    let (id, sent) = paired.live.send(ANA, "chegou?").await;
    sent.unwrap();
    // One from Ana's phone, one from her instance.
    let confirmations = || {
        paired.live.recorder.count(|told| match told {
            Told::Event(SessionEvent::Receipt { receipt, .. }) => {
                receipt.kind == ReceiptKind::Delivered && receipt.message_ids.contains(&id)
            }
            _ => false,
        })
    };
    eventually("two confirmations", || confirmations() == 2).await;
}

#[tokio::test]
async fn what_came_while_nobody_was_there_comes_with_the_next_session_in_order() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    let ana = world.phone(ANA, "Ana");
    for i in 0..20 {
        ana.send_text(OWN, &format!("recado {i}")).await.unwrap();
    }
    let live = world.reconnect(paired.instance).await;
    live.recorder.message("recado 19").await;
    let texts: Vec<_> = live
        .recorder
        .told()
        .iter()
        .filter_map(|told| match told {
            Told::Inbound(inbound) => Some(inbound.message.content.clone()),
            Told::Event(_) => None,
        })
        .collect();
    let expected: Vec<_> = (0..20).map(|i| Content::Text(format!("recado {i}"))).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn read_and_typing_are_seen_on_the_other_side() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_text(OWN, "viu?").await.unwrap();
    let message = paired.live.recorder.message("viu?").await;
    let chat = Jid::parse(&format!("{ANA}@s.whatsapp.net")).unwrap();
    paired.live.session.mark_read(&chat, None, &[message.id]).await.unwrap();
    ana.wait_for_receipt(&id, Ticks::Read).await.unwrap();
    paired.live.session.set_typing(&chat, true).await.unwrap();
    ana.wait_for_typing(OWN, "composing").await.unwrap();
    paired.live.session.set_typing(&chat, false).await.unwrap();
    ana.wait_for_typing(OWN, "paused").await.unwrap();
}
