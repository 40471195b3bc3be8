//! What was answered is there after a restart.

use bytes::Bytes;
use wharf_domain::{
    delivery::Delivery, event::NewEvent, message::MessageStatus, ports::Room, token::Principal,
};
use wharf_testkit::build;

use crate::{
    home::{open_file, stores_on},
    secrets::instance_with_secrets,
};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (account, account_token) = (build::account("acme"), build::token());
    let (instance, webhook) = (instance_with_secrets(account.id), build::webhook("crm"));
    let message = build::incoming(&build::phone("5511999990001"), "hi");
    let event = build::message_event(message.clone());
    let picture = build::incoming(&build::phone("5511999990002"), "");
    let media_until = Some(build::moment(30));
    let media = NewEvent { media_until, ..build::message_event(picture) };

    let db = open_file(&directory).await;
    let stores = stores_on(&db, ()).await;
    stores.accounts.insert(&account, &account_token).await.unwrap();
    stores.instances.insert(&instance, Some(&webhook)).await.unwrap();
    stores.events.append(instance.id, std::slice::from_ref(&event)).await.unwrap();
    stores.events.append(instance.id, std::slice::from_ref(&media)).await.unwrap();
    let jobs = stores.media_jobs.claim(build::moment(0), 10, 10).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.event).collect::<Vec<_>>(), [media.id]);
    let begun = stores.deliveries.due(build::moment(0), &Room::of(10, 10)).await.unwrap();
    assert_eq!(begun.iter().map(|one| one.event.id).collect::<Vec<_>>(), [event.id]);
    db.close().await.unwrap();

    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    assert_eq!(stores.accounts.find(&account.name).await.unwrap(), Some(account.clone()));
    let holder = stores.accounts.identify(&account_token).await.unwrap();
    assert_eq!(holder, Some(Principal::Account(account.id)));
    let instances = stores.instances.list(account.id).await.unwrap();
    assert_eq!(instances, std::slice::from_ref(&instance));
    assert_eq!(stores.webhooks.list(instance.id).await.unwrap(), [webhook]);
    let found = stores.messages.find(instance.id, &message.id).await.unwrap().unwrap();
    assert_eq!((found.message, found.status), (message, MessageStatus::Delivered));
    assert_eq!(found.raw, Some(Bytes::from_static(b"raw of the event")));
    assert!(!stores.events.append(instance.id, &[event]).await.unwrap()[0].is_new);

    // What was begun and not settled is given as it was.
    let now = build::moment(0);
    assert_eq!(stores.deliveries.due(now, &Room::of(10, 10)).await.unwrap(), begun);
    // A claimed job is nobody else's until the start says that its claimer is gone.
    assert_eq!(stores.media_jobs.claim(now, 10, 10).await.unwrap(), []);
    assert_eq!(stores.media_jobs.release_all().await.unwrap(), 1);
    assert_eq!(stores.media_jobs.claim(now, 10, 10).await.unwrap(), jobs);
    // What was held for the media still is.
    let served = begun.iter().map(Delivery::sink_lane).collect();
    let heads = stores.deliveries.heads(&served).await.unwrap();
    assert_eq!(heads, [(begun[0].sink, build::moment(30))]);
}
