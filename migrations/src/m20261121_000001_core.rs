//! Accounts, instances and their webhooks; messages, the event log and its deliveries; the keyring.
//!
//! Times are microseconds since 1970 in UTC. What may be secret is sealed, with table, column and row bound in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// This step.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (uuid, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("UUID", "BYTEA"),
            _ => ("BLOB", "BLOB"),
        };
        for statement in TABLES.iter().chain(INDEXES) {
            let statement = statement.replace("{uuid}", uuid).replace("{bytes}", bytes);
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev().filter_map(|statement| statement.split(' ').nth(2)) {
            manager.get_connection().execute_unprepared(&format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

const TABLES: &[&str] = &[
    // One row: the data keys, wrapped by the master key.
    "CREATE TABLE keyring (
        id SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
        wrapped {bytes} NOT NULL
    )",
    // `cors` is a list of origins; NULL allows what the configuration allows.
    "CREATE TABLE account (
        id {uuid} NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        quota BIGINT,
        cors TEXT,
        created_at BIGINT NOT NULL
    )",
    // `owner` is for several gateways over one database: which of them runs the session.
    "CREATE TABLE instance (
        id {uuid} NOT NULL PRIMARY KEY,
        account_id {uuid} NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        token {bytes} NOT NULL,
        standing SMALLINT NOT NULL,
        banned_until BIGINT,
        jid TEXT,
        lid TEXT,
        push_name TEXT,
        business_name TEXT,
        settings TEXT NOT NULL,
        proxy TEXT,
        proxy_password {bytes},
        websocket TEXT,
        s3 TEXT,
        s3_secret_key {bytes},
        owner TEXT,
        last_sequence BIGINT NOT NULL DEFAULT 0,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        UNIQUE (account_id, name)
    )",
    // Both kinds in one table, so that no two share a token; an account's has no instance.
    "CREATE TABLE token (
        hash {bytes} NOT NULL PRIMARY KEY,
        account_id {uuid} NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        instance_id {uuid} REFERENCES instance (id) ON DELETE CASCADE
    )",
    // Without a URL it is disabled. `events` is the filter, separated by commas; empty is all.
    "CREATE TABLE webhook (
        id {uuid} NOT NULL PRIMARY KEY,
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        label TEXT NOT NULL,
        url TEXT,
        authorization_value {bytes},
        secret {bytes},
        by_events BOOLEAN NOT NULL,
        events TEXT NOT NULL,
        media_base64 BOOLEAN NOT NULL,
        UNIQUE (instance_id, label)
    )",
    // `body` is the message as it was last told, but status, failure and time are the columns'.
    "CREATE TABLE message (
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        message_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        sender TEXT NOT NULL,
        direction SMALLINT NOT NULL,
        chat_kind SMALLINT NOT NULL,
        content_kind SMALLINT NOT NULL,
        media_kind SMALLINT,
        has_sender_name BOOLEAN NOT NULL,
        status SMALLINT NOT NULL,
        failure INTEGER,
        sent_at BIGINT NOT NULL,
        body {bytes} NOT NULL,
        raw {bytes},
        PRIMARY KEY (instance_id, message_id, chat, sender)
    )",
    "CREATE TABLE idempotency_key (
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        idempotency_key TEXT NOT NULL,
        fingerprint {bytes} NOT NULL,
        message_id TEXT NOT NULL,
        used_at BIGINT NOT NULL,
        PRIMARY KEY (instance_id, idempotency_key)
    )",
    "CREATE TABLE event (
        id {uuid} NOT NULL PRIMARY KEY,
        instance_id {uuid} NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
        sequence BIGINT NOT NULL,
        kind SMALLINT NOT NULL,
        recorded_at BIGINT NOT NULL,
        dedupe_key TEXT,
        body {bytes} NOT NULL,
        UNIQUE (instance_id, sequence),
        UNIQUE (instance_id, dedupe_key)
    )",
    // `head_due` is `due_at` on the head of a lane of which nothing is claimed, and NULL on everything else: whoever
    // claims reads heads alone, however many rows wait behind them.
    "CREATE TABLE delivery (
        id {uuid} NOT NULL PRIMARY KEY,
        event_id {uuid} NOT NULL REFERENCES event (id) ON DELETE CASCADE,
        instance_id {uuid} NOT NULL,
        sink_kind SMALLINT NOT NULL,
        sink_id {uuid} NOT NULL,
        lane TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        status SMALLINT NOT NULL,
        due_at BIGINT NOT NULL,
        head_due BIGINT,
        attempts INTEGER NOT NULL,
        last_error TEXT
    )",
];

const INDEXES: &[&str] = &[
    "CREATE INDEX token_account ON token (account_id)",
    "CREATE INDEX token_instance ON token (instance_id)",
    "CREATE INDEX message_chat ON message (instance_id, chat, sent_at)",
    "CREATE INDEX message_age ON message (sent_at)",
    "CREATE INDEX idempotency_key_age ON idempotency_key (used_at)",
    "CREATE INDEX event_age ON event (recorded_at)",
    "CREATE INDEX delivery_event ON delivery (event_id)",
    "CREATE INDEX delivery_lane ON delivery (sink_id, lane, status, sequence)",
    // By sink, so that a claim can pass over sinks that have their share without reading their heads.
    "CREATE INDEX delivery_sink_head ON delivery (sink_id, head_due, sequence) WHERE head_due IS NOT NULL",
];
