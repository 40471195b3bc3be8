use wharf_domain::{address::Jid, message::MessageId, ports::WhatsApp};

use crate::{
    recorder::Told,
    world::{ANA, OWN, World, eventually},
};

fn lid(raw: &str) -> Jid {
    Jid::parse(raw).unwrap()
}

#[tokio::test]
async fn somebody_who_hides_the_number_is_told_by_lid_until_the_number_is_learnt() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let ana_lid = lid(&ana.lid());
    ana.hide_number(true).await;
    ana.send_text(OWN, "quem sou?").await.unwrap();
    let hidden = paired.live.recorder.message("quem sou?").await;
    assert_eq!((&hidden.sender.jid, hidden.sender.lid.as_ref()), (&ana_lid, Some(&ana_lid)));
    assert_eq!(hidden.chat.party.jid, ana_lid);
    let asked = std::slice::from_ref(&ana_lid);
    assert_eq!(world.adapter.phones(paired.instance, asked).await.unwrap(), []);
    // With the next message comes the number.
    ana.hide_number(false).await;
    ana.send_text(OWN, "sou eu").await.unwrap();
    let known = paired.live.recorder.message("sou eu").await;
    assert_eq!((known.sender.jid.user(), known.sender.lid.as_ref()), (ANA, Some(&ana_lid)));
    let phones = world.adapter.phones(paired.instance, asked).await.unwrap();
    assert_eq!(phones, [(ana_lid.clone(), Jid::parse(&ana.jid()).unwrap())]);
    // Also when no session runs, once that has been stored.
    paired.live.session.stop().await;
    assert_eq!(world.adapter.phones(paired.instance, asked).await.unwrap(), phones);
    // And also for somebody who hides it again.
    ana.hide_number(true).await;
    let live = world.reconnect(paired.instance).await;
    ana.send_text(OWN, "de novo").await.unwrap();
    assert_eq!(live.recorder.message("de novo").await.sender.jid.user(), ANA);
}

#[tokio::test]
async fn a_number_that_came_with_mail_that_waited_is_known_at_once() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    ana.hide_number(true).await;
    ana.send_text(OWN, "escondida").await.unwrap();
    paired.live.recorder.message("escondida").await;
    paired.live.session.stop().await;
    ana.hide_number(false).await;
    ana.send_text(OWN, "às claras").await.unwrap();
    let live = world.reconnect(paired.instance).await;
    assert_eq!(live.recorder.message("às claras").await.sender.jid.user(), ANA);
    let ana_lid = lid(&ana.lid());
    let phones = world.adapter.phones(paired.instance, &[ana_lid]).await.unwrap();
    assert_eq!(phones.len(), 1);
}

#[tokio::test]
async fn a_number_that_is_looked_up_is_learnt() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    ana.hide_number(true).await;
    let id = ana.send_text(OWN, "quem sou?").await.unwrap();
    let id = MessageId::parse(id).unwrap();
    let told = paired.live.recorder.wait_for("message", |told| match told {
        Told::Inbound(inbound) if inbound.message.id == id => Some(inbound.message.clone()),
        _ => None,
    });
    let ana_lid = told.await.sender.jid;
    ana.hide_number(false).await;
    // The owner writes to the number; the library asks which devices and which LID it has.
    paired.live.send(ANA, "é você?").await.1.unwrap();
    let learnt = || {
        let phones = futures::FutureExt::now_or_never(
            world.adapter.phones(paired.instance, std::slice::from_ref(&ana_lid)),
        );
        phones.is_some_and(|phones| phones.is_ok_and(|phones| phones.len() == 1))
    };
    eventually("the number is learnt", learnt).await;
}
