//! A new data key, and what it takes until the old one is not needed any more.

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use wharf_domain::{
    event::EventBody, instance::Instance, ports::Room, secret::Secret, token::Token,
};
use wharf_seal::Keyring;
use wharf_sql::{Database, testing::PostgresSchema};
use wharf_storage::{Keyrings, Reseal};
use wharf_testkit::{Stores, build};

use crate::{
    home::{master_key, open, open_file, random, stores_with},
    secrets::{ACCOUNT_TOKEN, PAGE_TICKET, webhook_with_secrets, write_everything},
};

/// Every sealed column, in the order of their names.
const SEALED: [(&str, &str); 9] = [
    ("event", "body"),
    ("instance", "proxy_password"),
    ("instance", "s3_secret_key"),
    ("instance", "token"),
    ("message", "body"),
    ("message", "raw"),
    ("webhook", "authorization_value"),
    ("webhook", "previous_secret"),
    ("webhook", "secret"),
];

/// The keyring as it is stored, with as many data keys added.
async fn keyring(db: &Database, added: u32) -> Keyring {
    Keyrings::open_or_create(db, &master_key(), random()).await.unwrap();
    let wrapped = Keyrings::find(db).await.unwrap().unwrap();
    let mut keyring = Keyring::unwrap(&master_key(), &wrapped, random()).unwrap();
    for _ in 0..added {
        keyring.add_data_key().unwrap();
    }
    keyring
}

/// Every column of bytes.
async fn columns_of_bytes(db: &Database) -> Vec<(String, String)> {
    let sql = match db.backend() {
        DbBackend::Postgres => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns
             WHERE table_schema = current_schema() AND data_type = 'bytea'"
        }
        _ => {
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'BLOB'"
        }
    };
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    rows.iter().map(|row| (row.try_get("", "t").unwrap(), row.try_get("", "c").unwrap())).collect()
}

/// How many values each data key has sealed, by its version, wherever they are.
async fn versions(db: &Database) -> Vec<(u32, usize)> {
    let (mut counts, mut sealed) = (BTreeMap::new(), Vec::new());
    for (table, column) in columns_of_bytes(db).await {
        let sql = format!("SELECT {column} AS value FROM {table} WHERE {column} IS NOT NULL");
        let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await;
        let values = rows.unwrap().into_iter().map(|row| row.try_get("", "value").unwrap());
        // Hashes and ids look like nothing that any of the few keys has sealed.
        let keys = values.filter_map(|value: Vec<u8>| Keyring::key_version_of(&value).ok());
        let keys: Vec<_> = keys.filter(|key| *key < 10).collect();
        if !keys.is_empty() {
            sealed.push((table, column));
        }
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
    }
    sealed.sort();
    let sealed: Vec<_> = sealed.iter().map(|(t, c)| (t.as_str(), c.as_str())).collect();
    assert_eq!(sealed, SEALED);
    counts.into_iter().collect()
}

/// All that is sealed can be read, and tokens and tickets are still known.
async fn everything_is_readable(stores: &Stores, expected: &Instance) {
    let found = stores.instances.find_by_id(expected.id).await.unwrap().unwrap();
    assert_eq!(
        (&found.token, &found.proxy, &found.s3),
        (&expected.token, &expected.proxy, &expected.s3)
    );
    let webhooks = stores.webhooks.list(expected.id).await.unwrap();
    assert_eq!(webhooks[0].target, webhook_with_secrets().target);
    for token in [ACCOUNT_TOKEN, expected.token.expose()] {
        let token = Token::parse(token).unwrap();
        assert!(stores.accounts.identify(&token).await.unwrap().is_some());
    }
    let visit = Secret::new(format!("{PAGE_TICKET}-false"));
    let admitted = stores.pages.admit(&visit, build::moment(1)).await.unwrap();
    assert_eq!(admitted, Some(expected.id));
    let deliveries = stores.deliveries.due(build::moment(60), &Room::of(10, 10)).await.unwrap();
    assert_eq!(deliveries.len(), 2);
    for delivery in &deliveries {
        let EventBody::Message(message) = &delivery.event.body else { panic!("{delivery:?}") };
        let found = stores.messages.find(expected.id, &message.id).await.unwrap().unwrap();
        assert_eq!(found.message, **message);
        assert!(found.raw.unwrap().starts_with(b"needle-"));
    }
}

async fn everything_comes_under_the_newest_key_however_often_it_is_stopped(db: &Database) {
    let old = Arc::new(keyring(db, 0).await);
    let instance = write_everything(&stores_with(db, old.clone(), ())).await;
    let before = versions(db).await;
    let [(1, count)] = before[..] else { panic!("{before:?}") };

    let new = Arc::new(keyring(db, 1).await);
    let mut done = 0;
    loop {
        // A new one each time, as after a kill.
        let some = Reseal::new(db.clone(), new.clone()).batch(1).await.unwrap();
        if some == 0 {
            break;
        }
        assert!(some <= 3, "one row at a time");
        done += usize::try_from(some).unwrap();
        // In the middle of it, whoever has both keys reads everything.
        everything_is_readable(&stores_with(db, new.clone(), ()), &instance).await;
        let so_far = versions(db).await;
        assert_eq!(so_far.iter().find(|(key, _)| *key == 2), Some(&(2, done)));
    }
    assert_eq!(done, count);
    assert_eq!(versions(db).await, [(2, count)]);
    let mut alone = keyring(db, 0).await;
    assert!(stores_with(db, Arc::new(alone), ()).instances.find_by_id(instance.id).await.is_err());
    alone = Keyring::unwrap(&master_key(), &new.wrap(&master_key()).unwrap(), random()).unwrap();
    alone.retire_old_data_keys();
    everything_is_readable(&stores_with(db, Arc::new(alone), ()), &instance).await;
}

#[tokio::test]
async fn everything_comes_under_the_newest_key_however_often_it_is_stopped_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    everything_comes_under_the_newest_key_however_often_it_is_stopped(&db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn everything_comes_under_the_newest_key_however_often_it_is_stopped_on_postgres() {
    let schema = PostgresSchema::create().await;
    let db = open(&schema.config()).await;
    everything_comes_under_the_newest_key_however_often_it_is_stopped(&db).await;
}

#[tokio::test]
async fn one_pass_goes_over_all_rows_in_bounded_batches_and_finds_what_is_written_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let old = stores_with(&db, Arc::new(keyring(&db, 0).await), ());
    let account = build::account("acme");
    old.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    old.instances.insert(&instance, None).await.unwrap();
    let texts = (0..25).map(|_| build::incoming(&build::phone("5511999990001"), "hi"));
    let events: Vec<_> = texts.map(build::message_event).collect();
    old.events.append(instance.id, &events).await.unwrap();

    let reseal = Reseal::new(db.clone(), Arc::new(keyring(&db, 1).await));
    let mut batches = Vec::new();
    loop {
        let done = reseal.batch(10).await.unwrap();
        batches.push(done);
        if done == 0 {
            break;
        }
        if batches.len() == 5 {
            // By somebody who does not know of the new key yet, where the pass has been already.
            old.events.append(instance.id, &[build::state_event()]).await.unwrap();
        }
    }
    // The instance; the events; the messages with their encodings; the late event.
    assert_eq!(batches, [1, 10, 10, 5, 20, 20, 10, 1, 0]);
    assert_eq!(reseal.batch(10).await.unwrap(), 0);
}

#[tokio::test]
async fn a_value_that_no_key_opens_stops_it_with_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    write_everything(&stores_with(&db, Arc::new(keyring(&db, 0).await), ())).await;
    let mut other = keyring(&db, 1).await;
    other.retire_old_data_keys();
    let refusal = Reseal::new(db.clone(), Arc::new(other)).batch(10).await.unwrap_err();
    assert!(matches!(refusal, wharf_domain::Error::Unavailable { .. }), "{refusal:?}");
    assert_eq!(versions(&db).await.len(), 1, "nothing was changed");
}
