//! What is delivered leaves the index of what waits for that of what is done with: what waits is little, so that its index is a
//! few pages which every write finds in memory.

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
    "DROP INDEX delivery_state",
    // With the state as a column, so that SQLite does not take one for as good as the index of lanes.
    "CREATE INDEX delivery_waiting_list ON delivery (sink_id, id, status) WHERE status = 0",
    "CREATE INDEX delivery_dead_list ON delivery (sink_id, id, status) WHERE status = 2",
    "CREATE INDEX delivery_delivered_list ON delivery (sink_id, id, status) WHERE status = 3",
];

const DOWN: &[&str] = &[
    "DROP INDEX delivery_delivered_list",
    "DROP INDEX delivery_dead_list",
    "DROP INDEX delivery_waiting_list",
    "CREATE INDEX delivery_state ON delivery (sink_id, status, id)",
];
