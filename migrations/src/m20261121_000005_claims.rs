//! What is being delivered is not written any more: deliveries wait until they are settled.

use sea_orm_migration::prelude::*;

/// This step.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DOWN).await
    }
}

async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

const UP: &[&str] = &[
    // Whoever was about to deliver it is gone: the schema changes before anything is served.
    "UPDATE delivery SET status = 0 WHERE status = 1",
    "UPDATE delivery SET head_due = due_at WHERE status = 0 AND head_due IS NULL
        AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.sink_id = delivery.sink_id
            AND d.lane = delivery.lane AND d.status = 0 AND d.sequence < delivery.sequence)",
    "DROP INDEX delivery_claimed",
];

const DOWN: &[&str] =
    &["CREATE INDEX delivery_claimed ON delivery (sink_id, lane, status) WHERE status = 1"];
