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
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "def").unwrap()).collect()
}

async fn down(db: &Database, steps: Option<u32>) {
    db.write(move |txn| async move { Ok::<_, Error>(Migrator::down(txn, steps).await?) }.boxed())
        .await
        .unwrap();
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
