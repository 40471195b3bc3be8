//! What can be read in the file, and what cannot.

use sea_orm::ConnectionTrait as _;
use wharf_domain::{
    Error,
    account::AccountId,
    delivery::Settlement,
    event::EventBody,
    instance::Instance,
    ports::{InstanceChange, Room},
    proxy::{ProxyConfig, ProxyProtocol},
    s3::S3Config,
    secret::Secret,
    token::Token,
    webhook::{Webhook, WebhookTarget},
};
use wharf_sql::Database;
use wharf_testkit::{Stores, build};

use crate::home::{open_file, stores_on};

const ACCOUNT_TOKEN: &str = "needle-account-token";

fn instance_with_secrets(account: AccountId) -> Instance {
    let mut instance = build::instance(account, "sales");
    instance.token = Token::parse("needle-instance-token").unwrap();
    instance.proxy = Some(ProxyConfig {
        protocol: ProxyProtocol::Http,
        host: "visible-proxy-host".to_owned(),
        port: 3128,
        username: Some("visible-proxy-user".to_owned()),
        password: Some(Secret::new("needle-proxy-password")),
    });
    instance.s3 = Some(S3Config {
        region: "us-east-1".to_owned(),
        bucket: "visible-bucket".to_owned(),
        access_key: "visible-access-key".to_owned(),
        secret_key: Secret::new("needle-s3-secret"),
        endpoint: None,
        path_prefix: String::new(),
    });
    instance
}

fn webhook_with_secrets() -> Webhook {
    let target = WebhookTarget {
        authorization: Some(Secret::new("needle-authorization")),
        secret: Some(Secret::new("needle-webhook-secret")),
        ..build::target("http://127.0.0.1:9/visible-path")
    };
    Webhook { target: Some(target), ..build::webhook("visible-label") }
}

async fn write_everything(stores: &Stores) {
    let account = build::account("visible-account");
    stores.accounts.insert(&account, &Token::parse(ACCOUNT_TOKEN).unwrap()).await.unwrap();
    let instance = instance_with_secrets(account.id);
    stores.instances.insert(&instance, Some(&webhook_with_secrets())).await.unwrap();
    stores.webhooks.upsert(instance.id, &webhook_with_secrets()).await.unwrap();
    let proxy = InstanceChange::Proxy(instance.proxy.clone());
    stores.instances.update(instance.id, &[proxy], build::moment(1)).await.unwrap();

    let ana = build::phone("5511999990001");
    let mut received = build::incoming(&ana, "needle-received-text");
    received.sender.name = Some("needle-push-name".to_owned());
    let mut event = build::message_event(received);
    event.raw = Some("needle-received-raw".into());
    stores.events.append(instance.id, &[event]).await.unwrap();
    let mut draft = build::draft(build::outgoing(&ana, "needle-sent-text"));
    draft.raw = Some("needle-sent-raw".into());
    draft.idempotency = Some(("key".to_owned(), [7; 32]));
    stores.messages.reserve(instance.id, &draft, build::moment(0)).await.unwrap();
}

#[tokio::test]
async fn nothing_secret_is_readable_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    write_everything(&stores_on(&db, ()).await).await;
    // While it is open there is a journal too; afterwards all is in the one file.
    for is_open in [true, false] {
        if !is_open {
            db.close().await.unwrap();
        }
        let files = std::fs::read_dir(directory.path()).unwrap();
        let bytes: Vec<u8> =
            files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(contains(&bytes, b"visible-bucket"), "the search finds what is there");
        let found = bytes.windows(7).position(|window| window == b"needle-");
        let found = found.map(|at| String::from_utf8_lossy(&bytes[at..at + 24]).into_owned());
        assert_eq!(found, None);
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

async fn execute(db: &Database, sql: &'static str) {
    db.write::<_, _, wharf_sql::Error>(move |txn| {
        Box::pin(async move { Ok(txn.execute_unprepared(sql).await.map(drop)?) })
    })
    .await
    .unwrap();
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T, Error>) {
    let refusal = answer.unwrap_err();
    let Error::Unavailable { what: "database", source } = &refusal else { panic!("{refusal:?}") };
    assert!(source.to_string().contains("could not be sealed or opened"), "{source}");
}

#[tokio::test]
async fn a_token_copied_from_another_instance_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let (one, other) = (build::instance(account.id, "one"), build::instance(account.id, "other"));
    for instance in [&one, &other] {
        stores.instances.insert(instance, None).await.unwrap();
    }
    execute(&db, "UPDATE instance SET token = (SELECT token FROM instance WHERE name = 'one')")
        .await;
    assert_eq!(stores.instances.find_by_id(one.id).await.unwrap(), Some(one));
    is_refused(stores.instances.find_by_id(other.id).await);
}

#[tokio::test]
async fn a_secret_copied_to_another_column_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let (instance, webhook) = (instance_with_secrets(account.id), webhook_with_secrets());
    stores.instances.insert(&instance, Some(&webhook)).await.unwrap();
    execute(&db, "UPDATE instance SET proxy_password = s3_secret_key").await;
    is_refused(stores.instances.find_by_id(instance.id).await);
    execute(&db, "UPDATE webhook SET authorization_value = secret").await;
    is_refused(stores.webhooks.find_by_id(webhook.id).await);
}

#[tokio::test]
async fn a_message_copied_from_another_chat_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, None).await.unwrap();
    let [ana, bia] =
        ["5511999990001", "5511999990002"].map(|from| build::incoming(&build::phone(from), "hi"));
    for message in [&ana, &bia] {
        let event = build::message_event(message.clone());
        stores.events.append(instance.id, &[event]).await.unwrap();
    }
    execute(
        &db,
        "UPDATE message SET body = (SELECT body FROM message WHERE chat LIKE '%1@s.whatsapp.net')",
    )
    .await;
    assert!(stores.messages.find(instance.id, &ana.id).await.unwrap().is_some());
    is_refused(stores.messages.find(instance.id, &bia.id).await);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_does_not_hold_up_its_lane() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
    let events = [build::state_event(), build::state_event(), build::state_event()];
    stores.events.append(instance.id, &events).await.unwrap();
    execute(&db, "UPDATE event SET body = zeroblob(64) WHERE sequence = 1").await;
    let claimed = stores.deliveries.claim(build::moment(60), &Room::of(10, 2)).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.event.id).collect::<Vec<_>>(), [events[1].id]);
    let delivered = [(claimed[0].id, Settlement::Delivered)];
    stores.deliveries.settle(&delivered).await.unwrap();
    let claimed = stores.deliveries.claim(build::moment(60), &Room::of(10, 2)).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.event.id).collect::<Vec<_>>(), [events[2].id]);
    assert!(matches!(claimed[0].event.body, EventBody::State(_)));
}
