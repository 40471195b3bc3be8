use wharf_domain::Error;

use crate::world::{ANA, World, instance, number};

/// The form without the ninth digit, as an old account of Ana's is registered.
const ANA_OLD: &str = "551199990001";

#[tokio::test]
async fn a_registered_number_is_found_with_its_lid() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let found = paired.live.session.look_up(&number(ANA)).await.unwrap().unwrap();
    assert_eq!(found.jid.user(), ANA);
    assert_eq!(found.lid.unwrap().to_string(), ana.lid());
}

#[tokio::test]
async fn a_brazilian_number_is_found_in_the_form_it_is_registered_in() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA_OLD, "Ana");
    for form in [ANA, ANA_OLD] {
        let found = paired.live.session.look_up(&number(form)).await.unwrap().unwrap();
        assert_eq!(found.jid.user(), ANA_OLD, "{form}");
    }
}

#[tokio::test]
async fn an_unregistered_number_is_nobodys() {
    let world = World::new().await;
    let paired = world.pair().await;
    assert_eq!(paired.live.session.look_up(&number(ANA)).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_connection_nothing_is_looked_up() {
    let world = World::new().await;
    let live = world.start(instance()).await;
    live.qr().await;
    let refusal = live.session.look_up(&number(ANA)).await.unwrap_err();
    assert!(matches!(refusal, Error::NotConnected), "{refusal:?}");
}
