//! The way out: taken by the next connection, and never gone around.

use wharf_application::instances::CreateInstance;
use wharf_domain::{
    Error,
    proxy::ProxyConfig,
    state::{ConnectionState, Standing},
};

use crate::{World, ana, wanted};

fn proxy() -> ProxyConfig {
    ProxyConfig::parse("socks5", "127.0.0.1", "1080", None, None).unwrap()
}

fn unusable() -> CreateInstance {
    let problem = Some("the port is missing".to_owned());
    CreateInstance { proxy_problem: problem, ..wanted("sales") }
}

const REFUSAL: &str = "the proxy given at creation cannot be used (the port is missing)";

#[tokio::test]
async fn an_instance_without_the_proxy_it_was_to_have_does_not_connect_until_that_is_settled() {
    let world = World::started().await;
    let instance = world.instance_like(unusable()).await;
    let connections = &world.services.connections;
    let refused = connections.connect(&instance, None, None).await;
    assert!(matches!(refused, Err(Error::ConnectFailed(reason)) if reason == REFUSAL));
    let refused = connections.reconnect(&instance);
    assert!(matches!(refused, Err(Error::ConnectFailed(reason)) if reason == REFUSAL));
    assert_eq!(connections.progress(&instance).problem.as_deref(), Some(REFUSAL));
    assert!(world.whatsapp.requests().is_empty());
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
    for way in [None, Some(proxy())] {
        world.services.instances.update_proxy(&instance, way.clone()).await.unwrap();
        let instance = world.reload(&instance).await;
        connections.cancel(&instance).await.unwrap();
        connections.connect(&instance, None, None).await.unwrap();
        assert_eq!(world.whatsapp.requests().last().unwrap().proxy, way);
    }
}

#[tokio::test]
async fn a_start_does_not_go_around_a_proxy_that_cannot_be_used() {
    let before = World::started().await;
    let instance = before.instance_like(unusable()).await;
    before.whatsapp.pair(instance.id, ana());
    let paired = wharf_domain::ports::InstanceChange::Standing(Standing::Paired);
    let now = wharf_testkit::build::moment(1);
    wharf_domain::ports::InstanceStore::update(&*before.store, instance.id, &[paired], now)
        .await
        .unwrap();
    before.services.stop().await;
    let world = World::on(before.store.clone(), before.whatsapp.clone()).await;
    world.services.start().await.unwrap();
    world.settle().await;
    world.clock.advance(crate::LONG);
    world.settle().await;
    assert!(world.whatsapp.requests().is_empty());
    assert_eq!(world.state(&instance).await, ConnectionState::Disconnected);
}

#[tokio::test]
async fn a_new_proxy_waits_for_the_next_connection() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.services.instances.update_proxy(&instance, Some(proxy())).await.unwrap();
    world.settle().await;
    assert_eq!(world.whatsapp.requests().len(), 1, "what is connected stays");
    world.services.connections.reconnect(&instance).unwrap();
    world.whatsapp.until_sessions(instance.id, 2).await;
    assert_eq!(world.whatsapp.requests()[1].proxy, Some(proxy()));
}
