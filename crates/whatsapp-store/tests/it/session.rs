//! Whole sessions of the library over this store, against the simulated WhatsApp, with a store that fails where a message
//! is between WhatsApp and us.

mod world;

use wharf_domain::ports::SessionEnd;

use self::world::{ANA, BIA, LONG, OWN, World};
use crate::home::Home;

fn could_not_store(end: &SessionEnd) -> bool {
    matches!(end, SessionEnd::StoreFailed(_))
}

/// The log takes nothing and no message can be put down, with ratchets that have moved. Were those saved, WhatsApp's next
/// delivery would be taken for a duplicate.
async fn a_message_that_cannot_be_put_down_is_there_once_after_recovery(home: Home) {
    let world = World::new(home).await;
    let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
    let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    world.told("antes").await;
    ana.send_text(&group, "antes, no grupo").await.unwrap();
    world.told("antes, no grupo").await;

    world.break_buffer().await;
    live.refuse();
    // In a ratchet that exists, in one that is begun with it, and under the key of a group.
    ana.send_text(OWN, "um").await.unwrap();
    bia.send_text(OWN, "dois").await.unwrap();
    ana.send_text(&group, "no grupo").await.unwrap();
    let end = live.end().await;
    assert!(could_not_store(&end), "{end:?}");
    assert_eq!(world.log(), ["antes", "antes, no grupo"]);

    world.repair_buffer().await;
    let _session = world.reconnect().await;
    let meanwhile = ["um", "dois", "no grupo"];
    for text in meanwhile {
        world.told(text).await;
    }
    // And whoever writes on is understood.
    ana.send_text(OWN, "depois").await.unwrap();
    bia.send_text(OWN, "eu também").await.unwrap();
    ana.send_text(&group, "depois, no grupo").await.unwrap();
    let after = ["depois", "eu também", "depois, no grupo"];
    for text in after {
        world.told(text).await;
    }
    let mut told = world.log().split_off(2);
    told.sort_unstable();
    let mut expected = [meanwhile, after].concat();
    expected.sort_unstable();
    assert_eq!(told, expected);
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

/// While it catches up the library saves ratchets first and has messages committed then.
#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waited_and_cannot_be_put_down_comes_again_in_its_order() {
    let world = World::new(Home::sqlite().await).await;
    let ana = world.phone(ANA, "Ana");
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    world.told("antes").await;
    live.session.stop().await;
    let texts: Vec<_> = (0..20).map(|i| format!("recado {i} {}", "x".repeat(LONG))).collect();
    for text in &texts {
        ana.send_text(OWN, text).await.unwrap();
    }
    world.break_buffer_for_long_messages().await;
    let failed = world.start().await;
    failed.connected().await;
    world.buffer_failed().await;
    assert_eq!(world.log(), ["antes"], "nothing is told whose ratchet could not be saved");
    failed.session.abort().await;
    world.repair_buffer_for_long_messages().await;
    let _session = world.reconnect().await;
    world.told(&texts[19]).await;
    assert_eq!(world.log()[1..], texts);
}

/// What is told is in the log, whatever becomes of the ratchets.
#[tokio::test(flavor = "multi_thread")]
async fn ratchets_that_cannot_be_saved_hold_up_no_message_and_lose_none() {
    let world = World::new(Home::sqlite().await).await;
    let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
    let live = world.pair().await;
    ana.send_text(OWN, "ana 0").await.unwrap();
    world.told("ana 0").await;
    world.break_ratchets().await;
    for i in 1..10 {
        ana.send_text(OWN, &format!("ana {i}")).await.unwrap();
        bia.send_text(OWN, &format!("bia {i}")).await.unwrap();
    }
    world.told("ana 9").await;
    world.told("bia 9").await;
    // As if it were killed: the next begins with the ratchets as they were before.
    live.session.abort().await;
    world.repair_ratchets().await;
    let _session = world.reconnect().await;
    for i in 10..20 {
        ana.send_text(OWN, &format!("ana {i}")).await.unwrap();
        bia.send_text(OWN, &format!("bia {i}")).await.unwrap();
    }
    world.told("ana 19").await;
    world.told("bia 19").await;
    for (who, first) in [("ana", 0), ("bia", 1)] {
        let told: Vec<_> = world.log().into_iter().filter(|text| text.starts_with(who)).collect();
        assert_eq!(told, (first..20).map(|i| format!("{who} {i}")).collect::<Vec<_>>());
    }
}

async fn messages_the_observer_refuses_come_again_from_the_buffer_in_their_order(home: Home) {
    let world = World::new(home).await;
    let ana = world.phone(ANA, "Ana");
    let live = world.pair().await;
    ana.send_text(OWN, "antes").await.unwrap();
    world.told("antes").await;
    live.refuse();
    for text in ["um", "dois", "três"] {
        ana.send_text(OWN, text).await.unwrap();
    }
    let end = live.end().await;
    assert!(could_not_store(&end), "{end:?}");
    let next = world.reconnect().await;
    world.told("três").await;
    assert_eq!(world.log(), ["antes", "um", "dois", "três"]);
    next.session.stop().await;
    world.nothing_is_buffered().await;
    let _session = world.reconnect().await;
    ana.send_text(OWN, "depois").await.unwrap();
    world.told("depois").await;
    assert_eq!(world.log(), ["antes", "um", "dois", "três", "depois"]);
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
    for round in 0..ROUNDS {
        for i in 0..EACH {
            // Somewhere in the middle of what both say, each time elsewhere.
            if i == round {
                world.break_buffer().await;
                live.refuse();
            }
            ana.send_text(OWN, &format!("ana {round}.{i}")).await.unwrap();
            bia.send_text(OWN, &format!("bia {round}.{i}")).await.unwrap();
        }
        let end = live.end().await;
        assert!(could_not_store(&end), "{end:?}");
        world.repair_buffer().await;
        live = world.reconnect().await;
        for who in ["ana", "bia"] {
            world.told(&format!("{who} {round}.{}", EACH - 1)).await;
        }
    }
    let heard = world.log();
    for who in ["ana", "bia"] {
        let said =
            (0..ROUNDS).flat_map(|round| (0..EACH).map(move |i| format!("{who} {round}.{i}")));
        let heard: Vec<_> = heard.iter().filter(|text| text.starts_with(who)).cloned().collect();
        assert_eq!(heard, said.collect::<Vec<_>>());
    }
}

/// How a session comes to an end while messages keep coming.
#[derive(Clone, Copy)]
enum Interruption {
    Stop,
    BrokenConnection,
    Refusal,
}

/// As the library ends a connection it saves its ratchets, also those of messages that it is in the middle of.
async fn nothing_is_lost_when_a_flood_is_interrupted(by: Interruption) {
    const ROUNDS: usize = 8;
    const EACH: usize = 6;
    let world = World::new(Home::sqlite().await).await;
    let people: Vec<_> =
        (0..6).map(|i| world.phone(&format!("551199999010{i}"), &format!("p{i}"))).collect();
    let mut live = world.pair().await;
    for round in 0..ROUNDS {
        let flood = async {
            for i in 0..EACH {
                for (n, person) in people.iter().enumerate() {
                    person.send_text(OWN, &format!("{n} {round}.{i}")).await.unwrap();
                }
            }
        };
        let end = async {
            // Each time somewhere else.
            world.told(&format!("{} {round}.{}", round % people.len(), round % 3)).await;
            match by {
                Interruption::Stop => live.session.stop().await,
                Interruption::BrokenConnection => world.break_connection(),
                Interruption::Refusal => live.refuse(),
            }
            live.end().await
        };
        futures::join!(flood, end);
        live = world.reconnect().await;
        for n in 0..people.len() {
            world.told(&format!("{n} {round}.{}", EACH - 1)).await;
        }
    }
    let heard = world.log();
    for n in 0..people.len() {
        let said = (0..ROUNDS).flat_map(|round| (0..EACH).map(move |i| format!("{n} {round}.{i}")));
        let who = format!("{n} ");
        let heard: Vec<_> = heard.iter().filter(|text| text.starts_with(&who)).cloned().collect();
        assert_eq!(heard, said.collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_a_flood_is_interrupted_by_an_orderly_end() {
    nothing_is_lost_when_a_flood_is_interrupted(Interruption::Stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_a_flood_is_interrupted_by_a_broken_connection() {
    nothing_is_lost_when_a_flood_is_interrupted(Interruption::BrokenConnection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_a_flood_is_interrupted_by_an_observer_that_refuses() {
    nothing_is_lost_when_a_flood_is_interrupted(Interruption::Refusal).await;
}
