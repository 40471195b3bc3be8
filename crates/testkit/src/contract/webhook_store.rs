//! What a [`WebhookStore`](wharf_domain::ports::WebhookStore) promises.

use wharf_domain::{
    Error, Resource,
    event::EventFilter,
    instance::InstanceId,
    secret::Secret,
    webhook::{
        MAX_ENABLED, RetiringSecret, Stopped, Webhook, WebhookId, WebhookLabel, WebhookTarget,
    },
};

use super::setting::{at_once, of_sink};
use crate::{Stores, build};

/// Makes a test of each thing a `WebhookStore` promises.
#[macro_export]
macro_rules! webhook_store_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(webhook_store, $stores, [$($attribute),*], [
            a_written_webhook_comes_back_whole,
            a_webhook_nobody_wrote_is_not_found,
            a_webhook_replaces_the_one_of_its_label_and_keeps_its_id,
            an_instance_has_only_so_many_enabled_webhooks,
            concurrent_upserts_do_not_exceed_the_maximum,
            concurrent_upserts_of_one_label_make_one_webhook,
            a_webhook_of_no_instance_is_refused,
            webhooks_are_listed_by_label_disabled_ones_too,
            defaults_are_given_for_several_instances_at_once,
            a_removed_webhook_is_gone_with_its_undelivered_events,
            a_removal_of_no_webhook_says_so,
            a_replaced_secret_signs_beside_the_new_one_for_a_while,
            whoever_writes_a_webhook_has_no_say_in_its_previous_secret,
            a_stopped_webhook_says_why_until_it_is_written_anew,
            only_the_receiver_that_asked_for_it_is_stopped,
        ]);
    };
}

/// With all that a target can have, with nothing optional, and disabled.
pub async fn a_written_webhook_comes_back_whole(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let mut full = build::webhook("full");
    full.target = Some(WebhookTarget {
        by_events: true,
        events: EventFilter::parse(["label.update", "message.exchange"]).unwrap(),
        media_base64: true,
        ..build::target("https://example.com/a/b?token=1#x")
    });
    let mut bare = build::webhook("bare é");
    bare.target = Some(WebhookTarget {
        authorization: None,
        secret: None,
        ..build::target("http://127.0.0.1:9")
    });
    let disabled = Webhook { target: None, ..build::webhook("off") };
    for webhook in [full, bare, disabled] {
        let written =
            stores.webhooks.upsert(instance.id, &webhook, build::moment(0)).await.unwrap();
        assert_eq!(written, webhook);
        let found = stores.webhooks.find(instance.id, &webhook.label).await.unwrap();
        assert_eq!(found.as_ref(), Some(&webhook));
        assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), Some(webhook));
    }
}

/// Not finding a webhook is an answer; another instance's is not found.
pub async fn a_webhook_nobody_wrote_is_not_found(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await, stores.with_instance("other").await);
    let webhook = stores.with_webhook(one.id, "crm").await;
    assert_eq!(stores.webhooks.find(other.id, &webhook.label).await.unwrap(), None);
    assert_eq!(stores.webhooks.find(one.id, &WebhookLabel::default()).await.unwrap(), None);
    assert_eq!(stores.webhooks.find_by_id(WebhookId(build::uuid())).await.unwrap(), None);
}

/// Nothing of the old target is left, not even a secret; it can be disabled and enabled again.
pub async fn a_webhook_replaces_the_one_of_its_label_and_keeps_its_id(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let first = stores.with_webhook(instance.id, "crm").await;
    let bare = WebhookTarget {
        authorization: None,
        secret: None,
        ..build::target("http://127.0.0.1:9/new")
    };
    for target in [Some(bare), None, Some(build::target("http://127.0.0.1:9/again"))] {
        let next = Webhook { target, ..build::webhook("crm") };
        let written = stores.webhooks.upsert(instance.id, &next, build::moment(0)).await.unwrap();
        assert_eq!(written, Webhook { id: first.id, ..next });
        assert_eq!(stores.webhooks.list(instance.id).await.unwrap(), [written]);
    }
}

/// Disabled ones do not count, replacing does not add, and other instances do not matter.
pub async fn an_instance_has_only_so_many_enabled_webhooks(stores: &Stores) {
    let (instance, other) = (stores.with_instance("one").await, stores.with_instance("two").await);
    stores.with_webhook(other.id, "elsewhere").await;
    for index in 0..MAX_ENABLED {
        stores.with_webhook(instance.id, &format!("n{index}")).await;
    }
    let refusal = stores
        .webhooks
        .upsert(instance.id, &build::webhook("more"), build::moment(0))
        .await
        .unwrap_err();
    assert!(matches!(refusal, Error::TooManyWebhooks(MAX_ENABLED)), "{refusal:?}");
    assert_eq!(stores.webhooks.list(instance.id).await.unwrap().len(), MAX_ENABLED);

    stores.with_webhook(instance.id, "n0").await;
    let off = Webhook { target: None, ..build::webhook("more") };
    stores.webhooks.upsert(instance.id, &off, build::moment(0)).await.unwrap();
    let refusal = stores
        .webhooks
        .upsert(instance.id, &build::webhook("more"), build::moment(0))
        .await
        .unwrap_err();
    assert!(matches!(refusal, Error::TooManyWebhooks(MAX_ENABLED)), "{refusal:?}");
    assert_eq!(stores.webhooks.find_by_id(off.id).await.unwrap(), Some(off));

    let freed = Webhook { target: None, ..build::webhook("n1") };
    stores.webhooks.upsert(instance.id, &freed, build::moment(0)).await.unwrap();
    stores.with_webhook(instance.id, "more").await;
}

/// Check and write are one step.
pub async fn concurrent_upserts_do_not_exceed_the_maximum(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let outcomes = at_once(8, |index| {
        let webhooks = stores.webhooks.clone();
        async move {
            webhooks.upsert(instance, &build::webhook(&format!("n{index}")), build::moment(0)).await
        }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), MAX_ENABLED);
    for refusal in lost {
        assert!(matches!(refusal, Err(Error::TooManyWebhooks(_))), "{refusal:?}");
    }
    assert_eq!(stores.webhooks.list(instance).await.unwrap().len(), MAX_ENABLED);
}

/// All of them are told the same id.
pub async fn concurrent_upserts_of_one_label_make_one_webhook(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let written = at_once(8, |_| {
        let webhooks = stores.webhooks.clone();
        async move {
            webhooks.upsert(instance, &build::webhook("crm"), build::moment(0)).await.unwrap().id
        }
    })
    .await;
    let listed = stores.webhooks.list(instance).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(written.iter().all(|id| *id == listed[0].id), "{written:?}");
}

/// The instance may have gone a moment ago.
pub async fn a_webhook_of_no_instance_is_refused(stores: &Stores) {
    let webhook = build::webhook("crm");
    for webhook in [Webhook { target: None, ..webhook.clone() }, webhook] {
        let refusal = stores
            .webhooks
            .upsert(InstanceId(build::uuid()), &webhook, build::moment(0))
            .await
            .unwrap_err();
        assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
        assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
    }
}

/// Of this instance alone.
pub async fn webhooks_are_listed_by_label_disabled_ones_too(stores: &Stores) {
    let (instance, other) = (stores.with_instance("one").await, stores.with_instance("two").await);
    stores.with_webhook(other.id, "elsewhere").await;
    for label in ["b", "Z", "a c"] {
        stores.with_webhook(instance.id, label).await;
    }
    let off = Webhook { target: None, ..build::webhook("a-b") };
    stores.webhooks.upsert(instance.id, &off, build::moment(0)).await.unwrap();
    let listed = stores.webhooks.list(instance.id).await.unwrap();
    let labels: Vec<_> = listed.iter().map(|webhook| webhook.label.as_str()).collect();
    assert_eq!(labels, ["Z", "a c", "a-b", "b"]);
}

/// Instances without one are left out, as are other labels and instances not asked for.
pub async fn defaults_are_given_for_several_instances_at_once(stores: &Stores) {
    let (one, two) = (stores.with_instance("one").await, stores.with_instance("two").await);
    let (none, unasked) =
        (stores.with_instance("none").await, stores.with_instance("unasked").await);
    let expected = [
        (one.id, stores.with_webhook(one.id, "default").await),
        (two.id, stores.with_webhook(two.id, "default").await),
    ];
    stores.with_webhook(one.id, "crm").await;
    stores.with_webhook(none.id, "crm").await;
    stores.with_webhook(unasked.id, "default").await;
    let mut given = stores.webhooks.defaults(&[two.id, none.id, one.id]).await.unwrap();
    given.sort_by_key(|(id, _)| *id);
    assert_eq!(given, expected);
    assert_eq!(stores.webhooks.defaults(&[]).await.unwrap(), []);
}

/// The other webhook's deliveries stay.
pub async fn a_removed_webhook_is_gone_with_its_undelivered_events(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let gone = stores.with_webhook(instance.id, "gone").await;
    let stays = stores.with_webhook(instance.id, "stays").await;
    stores.append(instance.id, &[build::state_event(), build::state_event()]).await;
    assert!(stores.webhooks.remove(instance.id, &gone.label).await.unwrap());
    assert_eq!(stores.webhooks.find_by_id(gone.id).await.unwrap(), None);
    let left = stores.webhooks.list(instance.id).await.unwrap();
    assert_eq!(left, std::slice::from_ref(&stays));
    let given = stores.all_due().await;
    assert_eq!(given.len(), 2);
    assert_eq!(of_sink(&given, &stays).len(), 2);
}

/// Also when another instance has such a label.
pub async fn a_removal_of_no_webhook_says_so(stores: &Stores) {
    let (one, other) = (stores.with_instance("one").await, stores.with_instance("other").await);
    let webhook = stores.with_webhook(one.id, "crm").await;
    assert!(!stores.webhooks.remove(other.id, &webhook.label).await.unwrap());
    assert!(stores.webhooks.remove(one.id, &webhook.label).await.unwrap());
    assert!(!stores.webhooks.remove(one.id, &webhook.label).await.unwrap());
}

/// Until it is replaced again, and no longer than secrets are signed with at all.
pub async fn a_replaced_secret_signs_beside_the_new_one_for_a_while(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let write = async |secret: Option<&str>, seconds| {
        let target = WebhookTarget {
            secret: secret.map(Secret::new),
            ..build::target("http://127.0.0.1:9/hook")
        };
        let next = Webhook { target: Some(target), ..build::webhook("crm") };
        let written =
            stores.webhooks.upsert(instance, &next, build::moment(seconds)).await.unwrap();
        let found = stores.webhooks.find(instance, &next.label).await.unwrap();
        assert_eq!(found.as_ref(), Some(&written));
        written.target.unwrap().previous_secret
    };
    let retiring = |secret: &str, seconds| {
        Some(RetiringSecret { secret: Secret::new(secret), until: build::moment(seconds) })
    };
    assert_eq!(write(Some("one"), 10).await, None);
    assert_eq!(write(Some("one"), 20).await, None);
    assert_eq!(write(Some("two"), 30).await, retiring("one", 30));
    assert_eq!(write(Some("two"), 40).await, retiring("one", 30));
    assert_eq!(write(Some("three"), 50).await, retiring("two", 50));
    assert_eq!(write(None, 60).await, None);
    assert_eq!(write(Some("four"), 70).await, None);
    assert_eq!(write(Some("five"), 80).await, retiring("four", 80));
    let off = Webhook { target: None, ..build::webhook("crm") };
    stores.webhooks.upsert(instance, &off, build::moment(90)).await.unwrap();
    assert_eq!(write(Some("six"), 100).await, None);
}

/// Nor in whether it was stopped.
pub async fn whoever_writes_a_webhook_has_no_say_in_its_previous_secret(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let previous_secret =
        Some(RetiringSecret { secret: Secret::new("mine"), until: build::moment(9) });
    let target = build::target("http://127.0.0.1:9/hook");
    let stopped = Some(Stopped { reason: "because".to_owned(), at: build::moment(1) });
    let given = Webhook {
        target: Some(WebhookTarget { previous_secret, ..target.clone() }),
        stopped,
        ..build::webhook("crm")
    };
    let written = stores.webhooks.upsert(instance, &given, build::moment(5)).await.unwrap();
    assert_eq!(written, Webhook { target: Some(target), stopped: None, ..given });
    assert_eq!(stores.webhooks.list(instance).await.unwrap(), [written]);
}

/// Like any disabled webhook it has no configuration any more.
pub async fn a_stopped_webhook_says_why_until_it_is_written_anew(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let stopped = Stopped { reason: "the receiver answered 410".to_owned(), at: build::moment(7) };
    let url = webhook.target.clone().unwrap().url;
    assert!(stores.webhooks.stop(webhook.id, &url, &stopped).await.unwrap());
    let expected = Webhook { target: None, stopped: Some(stopped.clone()), ..webhook.clone() };
    assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap().as_ref(), Some(&expected));
    assert_eq!(stores.webhooks.list(instance).await.unwrap(), [expected]);
    assert!(!stores.webhooks.stop(webhook.id, &url, &stopped).await.unwrap());
    stores.append_one(instance, build::state_event()).await;
    assert_eq!(stores.all_due().await, []);
    for target in [None, webhook.target.clone()] {
        let next = Webhook { target, ..webhook.clone() };
        let written = stores.webhooks.upsert(instance, &next, build::moment(0)).await.unwrap();
        assert_eq!(written, next);
        assert_eq!(stores.webhooks.list(instance).await.unwrap(), [written]);
    }
}

/// The next one has not been asked.
pub async fn only_the_receiver_that_asked_for_it_is_stopped(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let webhook = stores.with_webhook(instance, "crm").await;
    let stopped = Stopped { reason: "the receiver answered 410".to_owned(), at: build::moment(7) };
    let other = build::target("http://127.0.0.1:9/other").url;
    assert!(!stores.webhooks.stop(webhook.id, &other, &stopped).await.unwrap());
    assert!(!stores.webhooks.stop(WebhookId(build::uuid()), &other, &stopped).await.unwrap());
    assert_eq!(stores.webhooks.list(instance).await.unwrap(), [webhook]);
}
