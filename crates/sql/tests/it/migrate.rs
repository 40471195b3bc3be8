//! What bringing a schema up to date promises.

use futures::future::join_all;
use sea_orm::ConnectionTrait as _;
use sea_orm_migration::prelude::*;
use wharf_sql::{Database, Error};

use crate::place::Place;

struct Step {
    name: &'static str,
    sql: &'static str,
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.sql).await.map(|_| ())
    }
}

const FIRST: Step = Step { name: "m1_first", sql: "CREATE TABLE one (n INTEGER PRIMARY KEY)" };
const SECOND: Step = Step { name: "m2_second", sql: "CREATE TABLE two (n INTEGER PRIMARY KEY)" };
const BROKEN: Step = Step { name: "m3_broken", sql: "CREATE GARBAGE" };

macro_rules! migrator {
    ($name:ident: $($step:expr),+) => {
        struct $name;
        impl MigratorTrait for $name {
            fn migrations() -> Vec<Box<dyn MigrationTrait>> {
                vec![$(Box::new($step)),+]
            }
        }
    };
}

migrator!(Old: FIRST);
migrator!(New: FIRST, SECOND);
migrator!(Failing: FIRST, SECOND, BROKEN);

async fn has(db: &Database, table: &str) -> bool {
    db.reader().execute_unprepared(&format!("SELECT n FROM {table}")).await.is_ok()
}

async fn steps_are_applied_once_and_in_order(place: Place) {
    place.db.migrate::<Old>().await.unwrap();
    assert!(has(&place.db, "one").await && !has(&place.db, "two").await);
    place.db.migrate::<New>().await.unwrap();
    place.db.migrate::<New>().await.unwrap();
    assert!(has(&place.db, "two").await);
}

async fn a_newer_schema_is_refused_by_name(place: Place) {
    place.db.migrate::<New>().await.unwrap();
    let refusal = place.db.migrate::<Old>().await.unwrap_err();
    assert!(matches!(&refusal, Error::NewerSchema(name) if name == "m2_second"), "{refusal:?}");
}

async fn a_failing_step_leaves_the_schema_as_it_was(place: Place) {
    place.db.migrate::<Failing>().await.unwrap_err();
    assert!(!has(&place.db, "one").await);
    place.db.migrate::<New>().await.unwrap();
    assert!(has(&place.db, "two").await);
}

async fn several_may_migrate_at_once(place: Place) {
    let others = [
        Database::open(&place.config()).await.unwrap(),
        Database::open(&place.config()).await.unwrap(),
    ];
    for answer in join_all(others.iter().map(Database::migrate::<New>)).await {
        answer.unwrap();
    }
    assert!(has(&place.db, "two").await);
}

macro_rules! on_both {
    ($($claim:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $claim() { super::$claim(super::Place::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL"]
            async fn $claim() { super::$claim(super::Place::postgres().await).await; })+
        }
    };
}

on_both!(
    steps_are_applied_once_and_in_order,
    a_newer_schema_is_refused_by_name,
    a_failing_step_leaves_the_schema_as_it_was,
    several_may_migrate_at_once,
);
