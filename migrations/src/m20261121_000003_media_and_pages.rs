//! Media on its way to buckets, tickets to pairing pages, and what figures of messages are counted by.

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
    let (uuid, bytes) = match manager.get_database_backend() {
        DbBackend::Postgres => ("UUID", "BYTEA"),
        _ => ("BLOB", "BLOB"),
    };
    for statement in statements {
        let statement = statement.replace("{uuid}", uuid).replace("{bytes}", bytes);
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

const UP: &[&str] = &[
    "ALTER TABLE instance ADD COLUMN picture_url TEXT",
    "ALTER TABLE instance ADD COLUMN proxy_problem TEXT",
    // The protocol's name for what has no kind of its own; NULL on everything else.
    "ALTER TABLE message ADD COLUMN content_name TEXT",
    // All that figures are counted by, so that they are read from the index alone: the rows are large.
    "DROP INDEX message_chat",
    "CREATE INDEX message_chat ON message (instance_id, chat, sent_at, chat_kind, direction,
        content_kind, content_name, media_kind, status)",
    // The message is the event's. Place and key of the object are those of the time it was stored.
    "CREATE TABLE media_job (
        event_id {uuid} NOT NULL PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE,
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        message_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        sender TEXT NOT NULL,
        sent_at BIGINT NOT NULL,
        sequence BIGINT NOT NULL,
        status SMALLINT NOT NULL,
        due_at BIGINT NOT NULL,
        attempts INTEGER NOT NULL,
        last_error TEXT,
        endpoint TEXT,
        bucket TEXT,
        object_key TEXT
    )",
    // Of those that wait and those that are claimed: they are few, however many are done.
    "CREATE INDEX media_job_waiting ON media_job (instance_id, due_at, sequence) WHERE status = 0",
    "CREATE INDEX media_job_claimed ON media_job (instance_id) WHERE status = 1",
    "CREATE INDEX media_job_message ON media_job (instance_id, message_id, sent_at)",
    // Found by keyed hash; what a holder shows is nowhere.
    "CREATE TABLE page_ticket (
        hash {bytes} NOT NULL PRIMARY KEY,
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        expires_at BIGINT NOT NULL,
        single_use BOOLEAN NOT NULL
    )",
    "CREATE INDEX page_ticket_instance ON page_ticket (instance_id)",
    "CREATE INDEX page_ticket_expiry ON page_ticket (expires_at)",
];

const DOWN: &[&str] = &[
    "DROP TABLE page_ticket",
    "DROP TABLE media_job",
    "DROP INDEX message_chat",
    "CREATE INDEX message_chat ON message (instance_id, chat, sent_at)",
    "ALTER TABLE message DROP COLUMN content_name",
    "ALTER TABLE instance DROP COLUMN proxy_problem",
    "ALTER TABLE instance DROP COLUMN picture_url",
];
