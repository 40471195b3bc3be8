//! Every step can be taken and taken back, on both databases.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use sea_orm_migration::MigratorTrait as _;
use wharf_migrations::Migrator;
use wharf_sql::testing::PostgresSchema;
use wharf_sql::{Config, Database, Error};

/// All tables and indexes but the migrator's own.
async fn schema(db: &Database) -> Vec<String> {
    let sql = match db.backend() {
        DbBackend::Postgres => {
            "SELECT indexdef AS def FROM pg_indexes
             WHERE schemaname = current_schema() AND tablename <> 'seaql_migrations'
             UNION SELECT table_name || '.' || column_name || ' ' || data_type
             FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name <> 'seaql_migrations'
             ORDER BY 1"
        }
        _ => {
            "SELECT name || coalesce(sql, '') AS def FROM sqlite_master
             WHERE tbl_name <> 'seaql_migrations' ORDER BY 1"
        }
    };
    lines(db, sql).await
}

/// The column `def` of each row.
async fn lines(db: &Database, sql: &str) -> Vec<String> {
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "def").unwrap()).collect()
}

async fn down(db: &Database, steps: Option<u32>) {
    db.write(move |txn| async move { Ok::<_, Error>(Migrator::down(txn, steps).await?) }.boxed())
        .await
        .unwrap();
}

async fn up(db: &Database, steps: u32) {
    db.write(move |txn| {
        async move { Ok::<_, Error>(Migrator::up(txn, Some(steps)).await?) }.boxed()
    })
    .await
    .unwrap();
}

async fn run(db: &Database, sql: String) {
    db.write(move |txn| {
        async move { Ok::<_, Error>(txn.execute_unprepared(&sql).await.map(drop)?) }.boxed()
    })
    .await
    .unwrap();
}

async fn count(db: &Database, sql: &str) -> i64 {
    let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

/// An upgrade keeps what is there, and so does the way back.
async fn rows_survive_the_third_step_and_its_undoing(db: Database) {
    up(&db, 2).await;
    let before = schema(&db).await;
    let (id, bytes) = match db.backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "'\\x00'"),
        _ => ("x'00112233445566778899aabbccddeeff'", "x'00'"),
    };
    let rows = format!(
        "INSERT INTO account (id, name, created_at) VALUES ({id}, 'acme', 1);
         INSERT INTO instance (id, account_id, name, token, standing, settings, created_at,
             updated_at) SELECT {id}, id, 'sales', {bytes}, 0, '{{}}', 1, 1 FROM account;
         INSERT INTO message (instance_id, message_id, chat, sender, direction, chat_kind,
             content_kind, has_sender_name, status, sent_at, body)
             SELECT id, 'M', 'c', 's', 0, 0, 1, FALSE, 3, 1, {bytes} FROM instance"
    );
    run(&db, rows).await;
    let whole = "SELECT COUNT(*) AS n FROM account a JOIN instance i ON i.account_id = a.id
        JOIN message m ON m.instance_id = i.id";
    for _ in 0..2 {
        up(&db, 1).await;
        assert_eq!(count(&db, whole).await, 1);
        let empty = "SELECT COUNT(*) AS n FROM instance JOIN message ON instance_id = id
            WHERE picture_url IS NULL AND proxy_problem IS NULL AND content_name IS NULL";
        assert_eq!(count(&db, empty).await, 1);
        down(&db, Some(1)).await;
        assert_eq!(count(&db, whole).await, 1);
        assert_eq!(schema(&db).await, before);
    }
}

#[tokio::test]
async fn rows_survive_the_third_step_and_its_undoing_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wharf.db");
    let db = Database::open(&Config::new(file.to_str().unwrap())).await.unwrap();
    rows_survive_the_third_step_and_its_undoing(db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn rows_survive_the_third_step_and_its_undoing_on_postgres() {
    let home = PostgresSchema::create().await;
    rows_survive_the_third_step_and_its_undoing(Database::open(&home.config()).await.unwrap())
        .await;
}

/// What is dead counts as it did, what is in the log is counted, and the way back forgets what was delivered.
async fn deliveries_survive_the_fourth_step_and_its_undoing(db: Database) {
    up(&db, 3).await;
    let before = schema(&db).await;
    let (id, bytes) = match db.backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "CAST('\\x001122' AS BYTEA)"),
        _ => ("randomblob(16)", "x'001122'"),
    };
    let rows = format!(
        "INSERT INTO account (id, name, created_at) VALUES ({id}, 'acme', 1);
         INSERT INTO instance (id, account_id, name, token, standing, settings, created_at,
             updated_at) SELECT {id}, id, 'sales', {bytes}, 0, '{{}}', 1, 1 FROM account;
         INSERT INTO webhook (id, instance_id, label, url, by_events, events, media_base64)
             SELECT {id}, id, 'crm', 'http://localhost', FALSE, '', FALSE FROM instance;
         INSERT INTO event (id, instance_id, sequence, kind, recorded_at, body)
             SELECT {id}, id, 1, 0, 77, {bytes} FROM instance
             UNION ALL SELECT {id}, id, 2, 0, 78, {bytes} FROM instance;
         INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence,
             status, due_at, attempts) SELECT {id}, e.id, e.instance_id, 1, w.id, 'x', e.sequence,
             CASE e.sequence WHEN 1 THEN 2 ELSE 0 END, 1, 0 FROM event e, webhook w"
    );
    run(&db, rows).await;
    let deliveries = "SELECT COUNT(*) AS n FROM delivery";
    for _ in 0..2 {
        up(&db, 1).await;
        let dead = "SELECT COUNT(*) AS n FROM delivery
            WHERE status = 2 AND dead_since = 77 AND dead_size = 3 AND waited = 0";
        assert_eq!(count(&db, dead).await, 1);
        let others = "SELECT COUNT(*) AS n FROM delivery
            WHERE dead_since IS NULL AND dead_size IS NULL AND last_status IS NULL";
        assert_eq!(count(&db, others).await, 1);
        assert_eq!(count(&db, "SELECT log_bytes AS n FROM instance").await, 6);
        assert_eq!(count(&db, deliveries).await, 2);
        down(&db, Some(1)).await;
        assert_eq!(count(&db, deliveries).await, 2);
        assert_eq!(schema(&db).await, before);
    }
    up(&db, 1).await;
    run(&db, "UPDATE delivery SET status = 3 WHERE status = 0".to_owned()).await;
    down(&db, Some(1)).await;
    assert_eq!(count(&db, deliveries).await, 1);
}

#[tokio::test]
async fn deliveries_survive_the_fourth_step_and_its_undoing_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wharf.db");
    let db = Database::open(&Config::new(file.to_str().unwrap())).await.unwrap();
    deliveries_survive_the_fourth_step_and_its_undoing(db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn deliveries_survive_the_fourth_step_and_its_undoing_on_postgres() {
    let home = PostgresSchema::create().await;
    deliveries_survive_the_fourth_step_and_its_undoing(
        Database::open(&home.config()).await.unwrap(),
    )
    .await;
}

/// What was being delivered waits again, and the first that waits in each lane of a sink is its head.
async fn deliveries_wait_again_after_the_fifth_step(db: Database) {
    up(&db, 4).await;
    let before = schema(&db).await;
    let (id, bytes) = match db.backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "CAST('\\x001122' AS BYTEA)"),
        _ => ("randomblob(16)", "x'001122'"),
    };
    let rows = format!(
        "INSERT INTO account (id, name, created_at) VALUES ({id}, 'acme', 1);
         INSERT INTO instance (id, account_id, name, token, standing, settings, created_at,
             updated_at) SELECT {id}, id, 'sales', {bytes}, 0, '{{}}', 1, 1 FROM account;
         INSERT INTO webhook (id, instance_id, label, url, by_events, events, media_base64)
             SELECT {id}, id, 'one', 'http://localhost', FALSE, '', FALSE FROM instance
             UNION ALL SELECT {id}, id, 'two', 'http://localhost', FALSE, '', FALSE FROM instance"
    );
    run(&db, rows).await;
    // A lane of which a run is being delivered, one of which only the first is, and one that waits; what is done stays
    // as it is. At the other webhook nothing of the first lane but its second is there.
    let deliveries = [
        ("one", "a", 1, 1, "NULL"),
        ("one", "a", 2, 1, "NULL"),
        ("one", "a", 3, 0, "NULL"),
        ("one", "b", 4, 2, "NULL"),
        ("one", "b", 5, 1, "NULL"),
        ("one", "b", 6, 0, "NULL"),
        ("one", "c", 7, 0, "107"),
        ("one", "c", 8, 0, "NULL"),
        ("one", "d", 9, 3, "NULL"),
        ("two", "a", 2, 1, "NULL"),
        ("two", "a", 3, 0, "NULL"),
        ("two", "b", 6, 0, "106"),
    ];
    for sequence in 1..10 {
        let event = format!(
            "INSERT INTO event (id, instance_id, sequence, kind, recorded_at, body)
                 SELECT {id}, id, {sequence}, 0, 77, {bytes} FROM instance"
        );
        run(&db, event).await;
    }
    for (webhook, lane, sequence, status, head_due) in deliveries {
        let delivery = format!(
            "INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence,
                 status, due_at, head_due, attempts)
             SELECT {id}, e.id, e.instance_id, 1, w.id, '{lane}', {sequence}, {status},
                 100 + {sequence}, {head_due}, 0
             FROM event e, webhook w WHERE e.sequence = {sequence} AND w.label = '{webhook}'"
        );
        run(&db, delivery).await;
    }
    let told = "SELECT w.label || ' ' || d.sequence || ' ' || d.status || ' '
            || COALESCE(CAST(d.head_due AS TEXT), '-') AS def
        FROM delivery d JOIN webhook w ON w.id = d.sink_id ORDER BY 1";
    for _ in 0..2 {
        up(&db, 1).await;
        let expected = [
            "one 1 0 101",
            "one 2 0 -",
            "one 3 0 -",
            "one 4 2 -",
            "one 5 0 105",
            "one 6 0 -",
            "one 7 0 107",
            "one 8 0 -",
            "one 9 3 -",
            "two 2 0 102",
            "two 3 0 -",
            "two 6 0 106",
        ];
        assert_eq!(lines(&db, told).await, expected);
        let schema_now = schema(&db).await;
        assert!(schema_now.iter().all(|one| !one.contains("delivery_claimed")), "{schema_now:?}");
        down(&db, Some(1)).await;
        assert_eq!(lines(&db, told).await, expected);
        assert_eq!(schema(&db).await, before);
    }
}

#[tokio::test]
async fn deliveries_wait_again_after_the_fifth_step_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wharf.db");
    let db = Database::open(&Config::new(file.to_str().unwrap())).await.unwrap();
    deliveries_wait_again_after_the_fifth_step(db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn deliveries_wait_again_after_the_fifth_step_on_postgres() {
    let home = PostgresSchema::create().await;
    deliveries_wait_again_after_the_fifth_step(Database::open(&home.config()).await.unwrap()).await;
}

async fn down_undoes_up(db: Database) {
    db.migrate::<Migrator>().await.unwrap();
    let whole = schema(&db).await;
    assert!(!whole.is_empty());

    for _ in Migrator::migrations() {
        down(&db, Some(1)).await;
    }
    assert_eq!(schema(&db).await, [""; 0]);

    db.migrate::<Migrator>().await.unwrap();
    assert_eq!(schema(&db).await, whole);
}

#[tokio::test]
async fn down_undoes_up_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wharf.db");
    down_undoes_up(Database::open(&Config::new(file.to_str().unwrap())).await.unwrap()).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn down_undoes_up_on_postgres() {
    let home = PostgresSchema::create().await;
    down_undoes_up(Database::open(&home.config()).await.unwrap()).await;
}

#[test]
fn steps_are_listed_in_the_order_of_their_names() {
    let names: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    assert!(names.is_sorted() && !names.is_empty(), "{names:?}");
}
