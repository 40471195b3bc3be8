//! Deliveries that are kept once they are made, webhooks with two secrets or none any more, and what retention is
//! measured by.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

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
    let bytes = match manager.get_database_backend() {
        DbBackend::Postgres => "BYTEA",
        _ => "BLOB",
    };
    for statement in statements {
        let statement = statement.replace("{bytes}", bytes);
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

const UP: &[&str] = &[
    // The secret that signs beside the new one, and until when; why and when the gateway disabled the webhook by itself.
    "ALTER TABLE webhook ADD COLUMN previous_secret {bytes}",
    "ALTER TABLE webhook ADD COLUMN previous_secret_until BIGINT",
    "ALTER TABLE webhook ADD COLUMN stopped_reason TEXT",
    "ALTER TABLE webhook ADD COLUMN stopped_at BIGINT",
    // How long it has waited between attempts, in microseconds; the receiver's status at the last of them.
    "ALTER TABLE delivery ADD COLUMN waited BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE delivery ADD COLUMN last_status SMALLINT",
    // Of dead letters: when their event was recorded, and how large its body is; NULL on everything else.
    "ALTER TABLE delivery ADD COLUMN dead_since BIGINT",
    "ALTER TABLE delivery ADD COLUMN dead_size BIGINT",
    "UPDATE delivery SET
        dead_since = (SELECT e.recorded_at FROM event e WHERE e.id = delivery.event_id),
        dead_size = (SELECT length(e.body) FROM event e WHERE e.id = delivery.event_id)
    WHERE status = 2",
    // How large the bodies of all its events are together: nobody has to add them up.
    "ALTER TABLE instance ADD COLUMN log_bytes BIGINT NOT NULL DEFAULT 0",
    "UPDATE instance SET log_bytes =
        COALESCE((SELECT SUM(length(e.body)) FROM event e WHERE e.instance_id = instance.id), 0)",
    // What is done with stays, and is none of the queue's business: the indexes have what is open alone. Each has one
    // status, since a statement has to name exactly what a partial index is for, and has it as a column, since SQLite
    // otherwise takes the index of states to be as good.
    "DROP INDEX delivery_lane",
    "CREATE INDEX delivery_waiting ON delivery (sink_id, lane, status, sequence) WHERE status = 0",
    "CREATE INDEX delivery_claimed ON delivery (sink_id, lane, status) WHERE status = 1",
    // An event goes to a sink once, and is found by both.
    "DROP INDEX delivery_event",
    "CREATE UNIQUE INDEX delivery_event ON delivery (event_id, sink_id)",
    // For lists by state.
    "CREATE INDEX delivery_state ON delivery (sink_id, status, id)",
    "CREATE INDEX delivery_dead ON delivery (sink_id, sequence) WHERE status = 2",
    "CREATE INDEX delivery_dead_age ON delivery (dead_since, dead_size) WHERE dead_since IS NOT NULL",
];

const DOWN: &[&str] = &[
    "DROP INDEX delivery_dead_age",
    "DROP INDEX delivery_dead",
    "DROP INDEX delivery_state",
    "DROP INDEX delivery_event",
    "DROP INDEX delivery_claimed",
    "DROP INDEX delivery_waiting",
    // What was delivered had no row before.
    "DELETE FROM delivery WHERE status = 3",
    "CREATE INDEX delivery_event ON delivery (event_id)",
    "CREATE INDEX delivery_lane ON delivery (sink_id, lane, status, sequence)",
    "ALTER TABLE instance DROP COLUMN log_bytes",
    "ALTER TABLE delivery DROP COLUMN dead_size",
    "ALTER TABLE delivery DROP COLUMN dead_since",
    "ALTER TABLE delivery DROP COLUMN last_status",
    "ALTER TABLE delivery DROP COLUMN waited",
    "ALTER TABLE webhook DROP COLUMN stopped_at",
    "ALTER TABLE webhook DROP COLUMN stopped_reason",
    "ALTER TABLE webhook DROP COLUMN previous_secret_until",
    "ALTER TABLE webhook DROP COLUMN previous_secret",
];
