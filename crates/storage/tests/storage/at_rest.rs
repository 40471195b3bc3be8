//! What can be read in the file, and what cannot.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use wharf_domain::{Error, event::EventBody, instance::InstanceName, ports::Room, secret::Secret};
use wharf_sql::{Database, testing::PostgresSchema};
use wharf_testkit::{Stores, build};

use crate::{
    home::{open, open_file, stores_on},
    secrets::{instance_with_secrets, webhook_with_secrets, write_everything},
};

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

/// All that is in a table, each row as text: what is bytes is there as hex.
async fn rows_as_text(db: &Database, table: &str) -> String {
    let (columns, quoted) = match db.backend() {
        DbBackend::Postgres => (
            "SELECT column_name AS name FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = ",
            "CAST($ AS TEXT)",
        ),
        _ => ("SELECT name FROM pragma_table_info WHERE arg = ", "quote($)"),
    };
    let columns = texts(db, format!("{columns}'{table}'")).await;
    assert!(!columns.is_empty(), "{table}");
    let cells = columns.iter().map(|column| quoted.replace('$', column));
    let cells: Vec<_> = cells.map(|cell| format!("coalesce({cell}, '')")).collect();
    texts(db, format!("SELECT {} AS name FROM {table}", cells.join(" || ' ' || "))).await.join("\n")
}

/// The column `name` of what a query gives.
async fn texts(db: &Database, sql: String) -> Vec<String> {
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

/// Also where what is bytes was written down as bytes.
async fn no_column_of_any_table_holds_a_secret(db: &Database, stores: &Stores) {
    write_everything(stores).await;
    let tables = match db.backend() {
        DbBackend::Postgres => {
            "SELECT table_name AS name FROM information_schema.tables
             WHERE table_schema = current_schema()"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let tables = texts(db, tables.to_owned()).await;
    let mut visible = 0;
    for table in &tables {
        let rows = rows_as_text(db, table).await.to_lowercase();
        visible += rows.matches("visible-").count();
        for needle in ["needle-", "6e6565646c652d"] {
            let found = rows.find(needle).map(|at| &rows[at..]);
            assert_eq!(found, None, "{table}");
        }
    }
    assert!(visible > 5, "the search finds what is there");
    for table in ["account", "instance", "message", "event", "media_job", "page_ticket"] {
        assert!(!rows_as_text(db, table).await.is_empty(), "{table} is empty");
    }
}

#[tokio::test]
async fn no_column_of_any_table_holds_a_secret_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    no_column_of_any_table_holds_a_secret(&db, &stores_on(&db, directory).await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn no_column_of_any_table_holds_a_secret_on_postgres() {
    let schema = PostgresSchema::create().await;
    let db = open(&schema.config()).await;
    no_column_of_any_table_holds_a_secret(&db, &stores_on(&db, schema).await).await;
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

async fn execute(db: &Database, sql: &str) {
    let sql = sql.to_owned();
    db.write::<_, _, wharf_sql::Error>(move |txn| {
        Box::pin(async move { Ok(txn.execute_unprepared(&sql).await.map(drop)?) })
    })
    .await
    .unwrap();
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T, Error>) {
    let refusal = answer.unwrap_err();
    let Error::Unavailable { what: "database", source } = &refusal else { panic!("{refusal:?}") };
    assert!(source.to_string().contains("could not be sealed or opened"), "{source}");
}

/// Puts each of two rows' values in the place of the other's.
async fn swap_rows(db: &Database, table: &str, column: &str) {
    let swap = format!(
        "CREATE TEMP TABLE swapped AS SELECT one.rowid AS row, other.{column} AS value
            FROM {table} one JOIN {table} other ON other.rowid <> one.rowid;
         UPDATE {table} SET {column} = (SELECT value FROM swapped WHERE row = {table}.rowid);
         DROP TABLE swapped"
    );
    execute(db, &swap).await;
}

#[tokio::test]
async fn secrets_swapped_between_instances_are_both_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let mut other = instance_with_secrets(account.id);
    (other.name, other.token) = (InstanceName::parse("other").unwrap(), build::token());
    let instances = [instance_with_secrets(account.id), other];
    for instance in &instances {
        stores.instances.insert(instance, None).await.unwrap();
    }
    for column in ["token", "proxy_password", "s3_secret_key"] {
        swap_rows(&db, "instance", column).await;
        for instance in &instances {
            is_refused(stores.instances.find_by_id(instance.id).await);
        }
        // Each is fine in its own place.
        swap_rows(&db, "instance", column).await;
        for instance in &instances {
            let found = stores.instances.find_by_id(instance.id).await.unwrap();
            assert_eq!(found.as_ref(), Some(instance));
        }
    }
}

#[tokio::test]
async fn secrets_swapped_between_columns_are_both_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let (instance, webhook) = (instance_with_secrets(account.id), webhook_with_secrets());
    stores.instances.insert(&instance, Some(&webhook)).await.unwrap();
    let columns = ["token", "proxy_password", "s3_secret_key"];
    for (one, other) in [(0, 1), (1, 2), (2, 0)].map(|(a, b)| (columns[a], columns[b])) {
        let swap = format!("UPDATE instance SET {one} = {other}, {other} = {one}");
        execute(&db, &swap).await;
        is_refused(stores.instances.find_by_id(instance.id).await);
        execute(&db, &swap).await;
        let found = stores.instances.find_by_id(instance.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&instance));
    }
    stores.webhooks.upsert(instance.id, &webhook, build::moment(0)).await.unwrap();
    let mut next = webhook.clone();
    next.target.as_mut().unwrap().secret = Some(Secret::new("needle-next"));
    stores.webhooks.upsert(instance.id, &next, build::moment(60)).await.unwrap();
    let columns = ["authorization_value", "secret", "previous_secret"];
    for (one, other) in [(0, 1), (1, 2), (2, 0)].map(|(a, b)| (columns[a], columns[b])) {
        let swap = format!("UPDATE webhook SET {one} = {other}, {other} = {one}");
        execute(&db, &swap).await;
        is_refused(stores.webhooks.find_by_id(webhook.id).await);
        execute(&db, &swap).await;
        assert!(stores.webhooks.find_by_id(webhook.id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn messages_and_events_swapped_are_both_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
    let messages =
        ["5511999990001", "5511999990002"].map(|from| build::incoming(&build::phone(from), "hi"));
    for message in &messages {
        let event = build::message_event(message.clone());
        stores.events.append(instance.id, &[event]).await.unwrap();
    }
    for column in ["body", "raw"] {
        swap_rows(&db, "message", column).await;
        for message in &messages {
            is_refused(stores.messages.find(instance.id, &message.id).await);
        }
        swap_rows(&db, "message", column).await;
    }
    execute(&db, "UPDATE message SET body = raw, raw = body").await;
    for message in &messages {
        is_refused(stores.messages.find(instance.id, &message.id).await);
    }
    swap_rows(&db, "event", "body").await;
    let due = stores.deliveries.due(build::moment(60), &Room::of(10, 2)).await.unwrap();
    assert_eq!(due, []);
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
    let due = stores.deliveries.due(build::moment(60), &Room::of(10, 2)).await.unwrap();
    assert_eq!(due.iter().map(|one| one.event.id).collect::<Vec<_>>(), [events[1].id]);
    let delivered = [(due[0].id, build::delivered())];
    stores.deliveries.settle(&delivered).await.unwrap();
    let due = stores.deliveries.due(build::moment(60), &Room::of(10, 2)).await.unwrap();
    assert_eq!(due.iter().map(|one| one.event.id).collect::<Vec<_>>(), [events[2].id]);
    assert!(matches!(due[0].event.body, EventBody::State(_)));
}
