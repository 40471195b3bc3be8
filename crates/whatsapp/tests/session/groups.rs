use wharf_domain::{
    address::{Jid, Party},
    event::ReceiptKind,
    message::{Chat, ChatKind, Content, Direction},
    ports::{Outgoing, SessionEvent},
};
use wharf_whatsapp_sim::{Receipt as Ticks, Simulator};

use crate::world::{ANA, OWN, World};

const BIA: &str = "5511999990002";

/// Worlds that address people by phone number, and by LID.
async fn worlds() -> [World; 2] {
    let mut worlds = Vec::new();
    for by_lid in [false, true] {
        let simulator = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        worlds.push(World::on(simulator, |_| {}));
    }
    worlds.try_into().ok().unwrap()
}

#[tokio::test]
async fn what_is_said_in_a_group_is_told_with_its_author() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        world.phone(BIA, "Bia");
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
        let id = ana.send_text(&group, "oi, gente").await.unwrap();
        let message = paired.live.recorder.message("oi, gente").await;
        assert_eq!(message.id.as_str(), id);
        assert_eq!((message.direction, message.chat.kind), (Direction::Incoming, ChatKind::Group));
        assert_eq!(message.chat.party.jid.to_string(), group);
        assert_eq!((message.sender.jid.user(), message.sender.name.as_deref()), (ANA, Some("Ana")));
        assert_eq!(message.recipient, None);
    }
}

#[tokio::test]
async fn what_we_say_in_a_group_reaches_its_members() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
        let to = Jid::parse(&group).unwrap();
        let outgoing = Outgoing { to: to.clone(), ..paired.live.outgoing(ANA, "cheguei") };
        paired.live.session.send(&outgoing).await.unwrap();
        let id = outgoing.id.clone();
        ana.wait_for_message(|shown| shown.id == id.as_str()).await.unwrap();
        let receipt = paired.live.recorder.event("receipt", |event| match event {
            SessionEvent::Receipt { receipt, .. }
                if receipt.message_ids.contains(&id) && receipt.from.jid.user() == ANA =>
            {
                Some(receipt.clone())
            }
            _ => None,
        });
        let receipt = receipt.await;
        assert_eq!((receipt.kind, &receipt.chat.party.jid), (ReceiptKind::Delivered, &to));
        // Whoever tells of the message by itself can ask what the group is called.
        let party = Party::of(to, None, None);
        let mut chat = Chat { party, kind: ChatKind::Group, is_community: false };
        paired.live.session.dress(&mut chat);
        assert_eq!(chat.party.name.as_deref(), Some("Amigas"));
    }
}

#[tokio::test]
async fn what_is_typed_into_a_group_on_the_own_phone_is_outgoing() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
    paired.phone.send_text(&group, "do telefone").await.unwrap();
    let message = paired.live.recorder.message("do telefone").await;
    assert_eq!((message.direction, message.chat.kind), (Direction::Outgoing, ChatKind::Group));
    assert_eq!((message.sender.jid.user(), message.recipient), (OWN, None));
}

#[tokio::test]
async fn messages_of_groups_and_people_can_be_marked_as_read() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
        let id = ana.send_text(&group, "viram?").await.unwrap();
        let message = paired.live.recorder.message("viram?").await;
        let (chat, author) = (message.chat.party.jid, message.sender.jid);
        paired.live.session.mark_read(&chat, Some(&author), &[message.id]).await.unwrap();
        ana.wait_for_receipt(&id, Ticks::Read).await.unwrap();
        let id = ana.send_text(OWN, "viu?").await.unwrap();
        let message = paired.live.recorder.message("viu?").await;
        let chat = message.chat.party.jid;
        paired.live.session.mark_read(&chat, None, &[message.id]).await.unwrap();
        ana.wait_for_receipt(&id, Ticks::Read).await.unwrap();
    }
}

#[tokio::test]
async fn group_messages_that_are_not_taken_come_again() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let group = world.simulator.create_group(ANA, "Amigas", &[OWN]).await.unwrap();
    ana.send_text(&group, "antes").await.unwrap();
    paired.live.recorder.message("antes").await;
    paired.live.recorder.refuse();
    ana.send_text(&group, "não perca").await.unwrap();
    paired.live.recorder.end().await;
    let [first] = &paired.live.recorder.refused()[..] else { panic!("not offered") };
    let next = world.reconnect(paired.instance).await;
    let again = next.recorder.message("não perca").await;
    assert_eq!(again, first.message);
    assert_eq!(again.content, Content::Text("não perca".to_owned()));
}

#[tokio::test]
async fn a_status_is_told_with_its_author() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let id = ana.post_status("na praia", &[OWN]).await.unwrap();
        let message = paired.live.recorder.message("na praia").await;
        assert_eq!(message.id.as_str(), id);
        assert_eq!(message.chat.party.jid.to_string(), "status@broadcast");
        assert_eq!(message.chat.kind, ChatKind::Broadcast);
        assert_eq!((message.direction, message.sender.jid.user()), (Direction::Incoming, ANA));
    }
}
