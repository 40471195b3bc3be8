//! What WhatsApp's Signal and device state needs, one set of rows an instance.

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
    "CREATE TABLE wa_device (
        instance_id {uuid} NOT NULL PRIMARY KEY,
        jid TEXT,
        device {bytes} NOT NULL
    )",
    "CREATE TABLE wa_identity (
        instance_id {uuid} NOT NULL,
        address TEXT NOT NULL,
        user_part TEXT NOT NULL,
        public_key {bytes} NOT NULL,
        PRIMARY KEY (instance_id, address)
    )",
    "CREATE TABLE wa_session (
        instance_id {uuid} NOT NULL,
        address TEXT NOT NULL,
        user_part TEXT NOT NULL,
        record {bytes} NOT NULL,
        PRIMARY KEY (instance_id, address)
    )",
    "CREATE TABLE wa_prekey (
        instance_id {uuid} NOT NULL,
        id BIGINT NOT NULL,
        record {bytes} NOT NULL,
        uploaded BOOLEAN NOT NULL,
        PRIMARY KEY (instance_id, id)
    )",
    "CREATE TABLE wa_signed_prekey (
        instance_id {uuid} NOT NULL,
        id BIGINT NOT NULL,
        record {bytes} NOT NULL,
        PRIMARY KEY (instance_id, id)
    )",
    "CREATE TABLE wa_sender_key (
        instance_id {uuid} NOT NULL,
        address TEXT NOT NULL,
        record {bytes} NOT NULL,
        PRIMARY KEY (instance_id, address)
    )",
    "CREATE TABLE wa_sync_key (
        instance_id {uuid} NOT NULL,
        key_id {bytes} NOT NULL,
        sync_key {bytes} NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (instance_id, key_id)
    )",
    "CREATE TABLE wa_sync_version (
        instance_id {uuid} NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (instance_id, name)
    )",
    "CREATE TABLE wa_mutation_mac (
        instance_id {uuid} NOT NULL,
        name TEXT NOT NULL,
        index_mac {bytes} NOT NULL,
        value_mac {bytes} NOT NULL,
        version BIGINT NOT NULL,
        PRIMARY KEY (instance_id, name, index_mac)
    )",
    "CREATE TABLE wa_sender_key_device (
        instance_id {uuid} NOT NULL,
        group_jid TEXT NOT NULL,
        device_jid TEXT NOT NULL,
        has_key BOOLEAN NOT NULL,
        PRIMARY KEY (instance_id, group_jid, device_jid)
    )",
    "CREATE TABLE wa_lid_mapping (
        instance_id {uuid} NOT NULL,
        lid TEXT NOT NULL,
        phone_number TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        learning_source TEXT NOT NULL,
        PRIMARY KEY (instance_id, lid)
    )",
    "CREATE TABLE wa_base_key (
        instance_id {uuid} NOT NULL,
        address TEXT NOT NULL,
        message_id TEXT NOT NULL,
        base_key {bytes} NOT NULL,
        PRIMARY KEY (instance_id, address, message_id)
    )",
    "CREATE TABLE wa_device_list (
        instance_id {uuid} NOT NULL,
        user_part TEXT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (instance_id, user_part)
    )",
    "CREATE TABLE wa_group_metadata (
        instance_id {uuid} NOT NULL,
        group_jid TEXT NOT NULL,
        metadata {bytes} NOT NULL,
        PRIMARY KEY (instance_id, group_jid)
    )",
    "CREATE TABLE wa_tc_token (
        instance_id {uuid} NOT NULL,
        jid TEXT NOT NULL,
        token {bytes} NOT NULL,
        token_timestamp BIGINT NOT NULL,
        sender_timestamp BIGINT,
        PRIMARY KEY (instance_id, jid)
    )",
    "CREATE TABLE wa_sent_message (
        instance_id {uuid} NOT NULL,
        chat TEXT NOT NULL,
        message_id TEXT NOT NULL,
        payload {bytes} NOT NULL,
        stored_at BIGINT NOT NULL,
        PRIMARY KEY (instance_id, chat, message_id)
    )",
    "CREATE TABLE wa_pending_inbound (
        instance_id {uuid} NOT NULL,
        message_key {bytes} NOT NULL,
        message {bytes} NOT NULL,
        stored_at BIGINT NOT NULL,
        PRIMARY KEY (instance_id, message_key)
    )",
    "CREATE TABLE wa_msg_secret (
        instance_id {uuid} NOT NULL,
        chat TEXT NOT NULL,
        sender TEXT NOT NULL,
        message_id TEXT NOT NULL,
        secret {bytes} NOT NULL,
        expires_at BIGINT NOT NULL,
        message_ts BIGINT NOT NULL,
        PRIMARY KEY (instance_id, chat, sender, message_id)
    )",
];

const INDEXES: &[&str] = &[
    // Whether there is anything of a user, whatever the device.
    "CREATE INDEX wa_identity_user ON wa_identity (instance_id, user_part)",
    "CREATE INDEX wa_session_user ON wa_session (instance_id, user_part)",
    "CREATE INDEX wa_sender_key_device_device ON wa_sender_key_device (instance_id, device_jid)",
    "CREATE INDEX wa_lid_mapping_phone ON wa_lid_mapping (instance_id, phone_number, updated_at)",
    "CREATE INDEX wa_lid_mapping_recent ON wa_lid_mapping (instance_id, updated_at)",
    // What the sweeps look for.
    "CREATE INDEX wa_sent_message_age ON wa_sent_message (instance_id, stored_at)",
    "CREATE INDEX wa_pending_inbound_age ON wa_pending_inbound (instance_id, stored_at)",
    "CREATE INDEX wa_msg_secret_expiry ON wa_msg_secret (instance_id, expires_at)",
];
