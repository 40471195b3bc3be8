//! Whole sessions of the library over this store, against the simulated WhatsApp, with a store that fails where a message
//! is between WhatsApp and us.

mod world;

use wharf_domain::ports::SessionEnd;

use self::world::{ANA, BIA, OWN, World};
use crate::home::Home;

fn could_not_store(end: &SessionEnd) -> bool {
    matches!(end, SessionEnd::StoreFailed(_))
}

/// The library goes on when it cannot put a message down, with a ratchet that has moved. Were that saved, WhatsApp's next
/// delivery would be taken for a duplicate.
async fn a_message_that_cannot_be_put_down_is_there_once_after_recovery(home: Home) {
    let world = World::new(home).await;
    let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
    let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    ana.send_text(&group, "antes, no grupo").await.unwrap();
    live.told("antes, no grupo").await;
    live.told("antes").await;

    world.break_buffer().await;
    // In a ratchet that exists, in one that is begun with it, and under the key of a group.
    ana.send_text(OWN, "um").await.unwrap();
    bia.send_text(OWN, "dois").await.unwrap();
    ana.send_text(&group, "no grupo").await.unwrap();
    let end = live.end().await;
    assert!(could_not_store(&end), "{end:?}");
    assert_eq!(live.texts(), ["antes, no grupo", "antes"].map(str::to_owned).into());

    world.repair_buffer().await;
    let next = world.reconnect().await;
    for text in ["um", "dois", "no grupo"] {
        next.told(text).await;
    }
    // And whoever writes on is understood.
    ana.send_text(OWN, "depois").await.unwrap();
    bia.send_text(OWN, "eu também").await.unwrap();
    ana.send_text(&group, "depois, no grupo").await.unwrap();
    for text in ["depois", "eu também", "depois, no grupo"] {
        next.told(text).await;
    }
    let expected = ["um", "dois", "no grupo", "depois", "eu também", "depois, no grupo"];
    assert_eq!(next.texts(), expected.map(str::to_owned).into(), "each once");
    assert_eq!(next.keys().len(), expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_put_down_is_there_once_after_recovery_on_sqlite() {
    a_message_that_cannot_be_put_down_is_there_once_after_recovery(Home::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_message_that_cannot_be_put_down_is_there_once_after_recovery_on_postgres() {
    a_message_that_cannot_be_put_down_is_there_once_after_recovery(Home::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waited_and_cannot_be_put_down_comes_again_in_its_order() {
    let world = World::new(Home::sqlite().await).await;
    let ana = world.phone(ANA, "Ana");
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    live.told("antes").await;
    live.session.stop().await;
    let texts: Vec<_> = (0..20).map(|i| format!("recado {i}")).collect();
    for text in &texts {
        ana.send_text(OWN, text).await.unwrap();
    }
    world.break_buffer().await;
    let failed = world.start().await;
    let end = failed.end().await;
    assert!(could_not_store(&end), "{end:?}");
    assert!(failed.in_order().is_empty());
    world.repair_buffer().await;
    let next = world.reconnect().await;
    next.told("recado 19").await;
    assert_eq!(next.in_order(), texts);
}

async fn messages_the_observer_refuses_come_again_from_the_buffer_in_their_order(home: Home) {
    let world = World::new(home).await;
    let ana = world.phone(ANA, "Ana");
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    live.told("antes").await;
    live.refuse();
    for text in ["um", "dois", "três"] {
        ana.send_text(OWN, text).await.unwrap();
    }
    let end = live.end().await;
    assert!(could_not_store(&end), "{end:?}");
    assert!(world.buffered().await > 0, "what was refused is kept");
    let next = world.reconnect().await;
    next.told("três").await;
    assert_eq!(next.in_order(), ["um", "dois", "três"]);
    next.session.stop().await;
    assert_eq!(world.buffered().await, 0, "what was taken is kept no more");
    // And is not told a second time.
    let last = world.reconnect().await;
    ana.send_text(OWN, "depois").await.unwrap();
    last.told("depois").await;
    assert_eq!(last.in_order(), ["depois"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_the_observer_refuses_come_again_from_the_buffer_in_their_order_on_sqlite() {
    let home = Home::sqlite().await;
    messages_the_observer_refuses_come_again_from_the_buffer_in_their_order(home).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn messages_the_observer_refuses_come_again_from_the_buffer_in_their_order_on_postgres() {
    let home = Home::postgres().await;
    messages_the_observer_refuses_come_again_from_the_buffer_in_their_order(home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_again_and_again_loses_nothing_and_changes_no_order() {
    const ROUNDS: usize = 6;
    const EACH: usize = 8;
    let world = World::new(Home::sqlite().await).await;
    let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
    let mut live = world.pair().await;
    let mut heard = Vec::new();
    for round in 0..ROUNDS {
        for i in 0..EACH {
            // Somewhere in the middle of what both say, each time elsewhere.
            if i == round {
                world.break_buffer().await;
            }
            ana.send_text(OWN, &format!("ana {round}.{i}")).await.unwrap();
            bia.send_text(OWN, &format!("bia {round}.{i}")).await.unwrap();
        }
        let end = live.end().await;
        assert!(could_not_store(&end), "{end:?}");
        heard.extend(live.in_order());
        world.repair_buffer().await;
        live = world.reconnect().await;
        for who in ["ana", "bia"] {
            live.told_in_all(&heard, &format!("{who} {round}.{}", EACH - 1)).await;
        }
    }
    heard.extend(live.in_order());
    for who in ["ana", "bia"] {
        let said =
            (0..ROUNDS).flat_map(|round| (0..EACH).map(move |i| format!("{who} {round}.{i}")));
        let heard: Vec<_> = heard.iter().filter(|text| text.starts_with(who)).cloned().collect();
        assert_eq!(heard, said.collect::<Vec<_>>());
    }
}
