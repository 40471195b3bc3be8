//! Webhooks: what a change keeps, and what is not written.

use std::time::Duration;

use wharf_domain::{ports::Clock as _, secret::Secret, webhook::WebhookLabel};

use crate::{World, target};

#[tokio::test]
async fn a_secret_is_kept_when_asked_to_and_goes_otherwise() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let webhooks = &world.services.webhooks;
    let bare = || wharf_domain::webhook::WebhookTarget { secret: None, ..target() };
    for (keep_secret, expected) in [(true, target().secret), (false, None::<Secret>)] {
        let label = WebhookLabel::default();
        let set = webhooks.set(instance.id, label, Some(bare()), keep_secret).await.unwrap();
        assert_eq!(set.target.unwrap().secret, expected);
    }
}

#[tokio::test]
async fn disabling_what_never_was_writes_nothing() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let webhooks = &world.services.webhooks;
    let crm = WebhookLabel::parse(Some("crm")).unwrap();
    let set = webhooks.set(instance.id, crm.clone(), None, false).await.unwrap();
    assert_eq!((set.label, set.target), (crm.clone(), None));
    assert!(webhooks.find(instance.id, &crm).await.is_err());
    let known = webhooks.set(instance.id, WebhookLabel::default(), None, false).await.unwrap();
    assert_eq!(known.target, None);
    assert_eq!(webhooks.list(instance.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_replaced_secret_goes_on_signing_for_a_day() {
    let world = World::started().await;
    let instance = world.instance("sales").await;
    let webhooks = &world.services.webhooks;
    let with = |secret: &str| {
        let secret = Some(Secret::new(secret));
        Some(wharf_domain::webhook::WebhookTarget { secret, ..target() })
    };
    let set = |secret| webhooks.set(instance.id, WebhookLabel::default(), with(secret), false);
    set("old").await.unwrap();
    let now = world.clock.now();
    let previous = set("new").await.unwrap().target.unwrap().previous_secret.unwrap();
    assert_eq!(previous.secret, Secret::new("old"));
    assert_eq!(previous.until, now + Duration::from_hours(24));
}
