//! Receivers that several webhooks lead to.

use wharf_domain::instance::Instance;

use super::shares::{Crowd, Manner, come_to_rest};
use crate::LONG;

/// So many instances with receivers of that manner, all of them at one address, with chats that have something to tell.
async fn tenants(crowd: &Crowd, count: usize, address: &str) -> Vec<Instance> {
    let mut tenants = Vec::new();
    for index in 0..count {
        // The path differs, and so may anything but scheme, host and port.
        let url = format!("{address}/hook/{index}");
        let port = address.rsplit(':').next().unwrap();
        let name = format!("odd-{port}-{index}");
        let instance = crowd.world.instance_at(&name, &url).await;
        crowd.record(&instance, 0..20).await;
        tenants.push(instance);
    }
    tenants
}

#[tokio::test]
async fn a_receiver_has_no_more_attempts_at_once_than_its_share_whoever_they_are_from() {
    let crowd = Crowd::with(Manner::Mute).await;
    let shared = tenants(&crowd, 10, "http://slow.test:81").await;
    crowd.start().await;
    crowd.receivers.until_tried(16).await;
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 16);
    // Another port is another receiver.
    tenants(&crowd, 10, "http://slow.test:82").await;
    crowd.record(&crowd.other, 0..40).await;
    crowd.world.clock.advance(LONG);
    crowd.receivers.until_tried(32).await;
    crowd.until_delivered_to(&crowd.other, 40).await;
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 32);
    crowd.behave(Manner::Prompt);
    for instance in &shared {
        crowd.until_delivered_to(instance, 20).await;
    }
}

#[tokio::test]
async fn the_share_can_be_chosen() {
    let crowd = Crowd::like(Manner::Mute, |config| config.deliveries.per_receiver = 3).await;
    tenants(&crowd, 5, "http://slow.test:81").await;
    crowd.start().await;
    crowd.receivers.until_tried(3).await;
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 3);
}

/// What hangs does so until its time is over; nobody else waits for that.
#[tokio::test]
async fn receivers_that_hang_never_take_all_lanes() {
    let crowd = Crowd::with(Manner::Mute).await;
    for port in 81..91 {
        tenants(&crowd, 4, &format!("http://slow.test:{port}")).await;
    }
    crowd.start().await;
    crowd.receivers.until_tried(160).await;
    crowd.record(&crowd.other, 0..100).await;
    crowd.world.clock.advance(LONG);
    crowd.until_delivered_to(&crowd.other, 100).await;
    assert_eq!(crowd.receivers.tried(), 160);
}
