use std::time::Duration;

use wharf_domain::{Error, ports::SessionRequest};
use wharf_whatsapp_sim::Presence;

use crate::world::{OWN, World, eventually, instance, request};

const ANNOUNCE_EVERY: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_device_is_unavailable_so_that_the_phone_goes_on_ringing() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.phone.wait_for_presence(paired.device, Presence::Unavailable).await.unwrap();
}

#[tokio::test]
async fn a_device_that_is_kept_online_says_so_again_and_again() {
    let world = World::with(|config| config.announce_every = ANNOUNCE_EVERY).await;
    let online = SessionRequest { keep_online: true, ..request(instance()) };
    let paired = world.pair_with(world.phone(OWN, "Loja"), online).await;
    paired.phone.wait_for_presence(paired.device, Presence::Available).await.unwrap();
    eventually("several announcements", || world.clock.sleeps(ANNOUNCE_EVERY) >= 3).await;
    paired.phone.wait_for_presence(paired.device, Presence::Available).await.unwrap();
}

#[tokio::test]
async fn a_change_is_seen_at_once_and_lasts() {
    let world = World::with(|config| config.announce_every = ANNOUNCE_EVERY).await;
    let paired = world.pair().await;
    for (online, seen) in [(true, Presence::Available), (false, Presence::Unavailable)] {
        paired.live.session.set_online(online).await.unwrap();
        paired.phone.wait_for_presence(paired.device, seen).await.unwrap();
        let so_far = world.clock.sleeps(ANNOUNCE_EVERY);
        eventually("a while", || world.clock.sleeps(ANNOUNCE_EVERY) >= so_far + 2).await;
        paired.phone.wait_for_presence(paired.device, seen).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_connection_nobody_is_seen() {
    let world = World::new().await;
    let live = world.start(instance()).await;
    live.qr().await;
    let refusal = live.session.set_online(true).await.unwrap_err();
    assert!(matches!(refusal, Error::NotConnected), "{refusal:?}");
}
