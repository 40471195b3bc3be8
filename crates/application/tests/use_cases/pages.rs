//! Pages, figures, origins: who may see what.

use wharf_application::pages::PageService;
use wharf_domain::{
    Error, Resource, account::AccountName, cors::Origin, instance::InstanceName,
    ports::AccountStore, token::Principal,
};
use wharf_testkit::build;

use crate::World;

#[tokio::test]
async fn a_link_opens_one_visit_to_one_page_and_expires() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let pages = &world.services.pages;
    let link = pages.link(&instance).await.unwrap();
    assert_eq!(link.token.expose().len(), 44, "a mark and 32 bytes as a URL carries them");
    let visit = pages.enter(&link.token, &instance.name).await.unwrap().unwrap();
    assert!(pages.enter(&link.token, &instance.name).await.unwrap().is_none(), "used up");
    for _ in 0..2 {
        let seen = pages.instance(&visit.token, &instance.name).await.unwrap().unwrap();
        assert_eq!(seen.id, instance.id);
    }
    let other = InstanceName::parse("other").unwrap();
    assert!(pages.instance(&visit.token, &other).await.unwrap().is_none());
    let late = pages.link(&instance).await.unwrap();
    world.clock.advance(PageService::LINK);
    assert!(pages.enter(&late.token, &instance.name).await.unwrap().is_none(), "too late");
    assert!(pages.instance(&visit.token, &instance.name).await.unwrap().is_some());
    world.clock.advance(PageService::VISIT);
    assert!(pages.instance(&visit.token, &instance.name).await.unwrap().is_none());
}

#[tokio::test]
async fn a_visit_opens_no_other_visit_and_a_link_is_none() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let pages = &world.services.pages;
    let visit = pages.visit(&instance).await.unwrap();
    assert!(pages.enter(&visit.token, &instance.name).await.unwrap().is_none(), "for ever");
    let link = pages.link(&instance).await.unwrap();
    assert!(pages.instance(&link.token, &instance.name).await.unwrap().is_none());
    assert!(pages.enter(&link.token, &instance.name).await.unwrap().is_some(), "not used up");
}

#[tokio::test]
async fn a_link_to_another_page_opens_nothing() {
    let world = World::started().await;
    let (sales, other) = (world.instance("sales").await, world.instance("other").await);
    let link = world.services.pages.link(&sales).await.unwrap();
    assert!(world.services.pages.enter(&link.token, &other.name).await.unwrap().is_none());
}

#[tokio::test]
async fn figures_of_several_instances_add_up_and_strangers_have_none() {
    let world = World::started().await;
    let (one, session) = world.connected("one").await;
    let (two, second) = world.connected("two").await;
    session.receive(build::incoming(&build::phone("5511999990002"), "a")).await.unwrap();
    second.receive(build::incoming(&build::phone("5511999990002"), "b")).await.unwrap();
    let metrics = &world.services.metrics;
    let account = Principal::Account(world.account);
    let names = [one.name.clone(), two.name.clone(), one.name.clone()];
    assert_eq!(metrics.of(account, &names).await.unwrap().total, 2);
    let unknown = [one.name.clone(), InstanceName::parse("unknown").unwrap()];
    let refused = metrics.of(account, &unknown).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::Instance))), "{refused:?}");
    let own = Principal::Instance { account: world.account, instance: one.id };
    assert_eq!(metrics.of(own, &names[..1]).await.unwrap().total, 1);
    let refused = metrics.of(own, &names).await;
    assert!(matches!(refused, Err(Error::WrongInstance)), "{refused:?}");
}

#[tokio::test]
async fn pages_of_an_origin_may_call_for_the_accounts_that_list_it() {
    let world = World::started().await;
    let other = build::account("other");
    AccountStore::insert(&*world.store, &other, &build::token()).await.unwrap();
    let (cors, accounts) = (&world.services.cors, &world.services.accounts);
    let origin = Origin::parse("https://app.example.com").unwrap();
    assert!(!cors.allows_any(&origin).await.unwrap(), "closed by default");
    let name = AccountName::parse("agency").unwrap();
    accounts.set_cors(&name, std::slice::from_ref(&origin)).await.unwrap();
    assert!(cors.allows_any(&origin).await.unwrap());
    assert!(cors.allows(world.account, &origin).await.unwrap());
    assert!(!cors.allows(other.id, &origin).await.unwrap());
    accounts.set_cors(&name, &[]).await.unwrap();
    assert!(!cors.allows(world.account, &origin).await.unwrap());
    let unknown = AccountName::parse("nobody").unwrap();
    let refused = accounts.set_cors(&unknown, &[origin]).await;
    assert!(matches!(refused, Err(Error::NotFound(Resource::Account))), "{refused:?}");
}
