//! Finds the heads of one sink, so that a claim can pass over sinks that have their share without reading their heads.

use sea_orm_migration::prelude::*;

/// This step.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [
            "CREATE INDEX delivery_sink_head ON delivery (sink_id, head_due, sequence)
                WHERE head_due IS NOT NULL",
            "DROP INDEX delivery_head",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [
            "CREATE INDEX delivery_head ON delivery (head_due, sequence) WHERE head_due IS NOT NULL",
            "DROP INDEX delivery_sink_head",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
