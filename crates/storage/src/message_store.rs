use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use wharf_domain::{
    Resource, Result, Timestamp,
    address::Jid,
    instance::InstanceId,
    message::{Message, MessageId, MessageStatus, StoredMessage},
    metrics::Metrics,
    ports::{HistoricMessage, MessageStore, OutgoingDraft, Reservation},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Constraints as _, Error},
    figures, locks,
    message_row::{self, COLUMNS, INSERT_INTO, OUTGOING, SELECT, status_code},
    micros,
    statement::{Run as _, Sql, batches, values},
};

/// How long an idempotency key is known.
const IDEMPOTENCY: TimeDelta = TimeDelta::hours(24);

/// Messages in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmMessageStore {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmMessageStore {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

/// A use of an idempotency key.
struct Use {
    instance: InstanceId,
    key: String,
    fingerprint: Vec<u8>,
    /// Keys used then or before are forgotten.
    forgotten: i64,
}

impl Use {
    fn new(instance: InstanceId, key: &str, fingerprint: &[u8; 32], now: Timestamp) -> Self {
        let (key, fingerprint) = (key.to_owned(), fingerprint.to_vec());
        Self { instance, key, fingerprint, forgotten: micros::from_time(now - IDEMPOTENCY) }
    }

    /// What the key was used for, where that is still known and stored.
    async fn recall(
        &self,
        connection: &impl ConnectionTrait,
        keyring: &Keyring,
    ) -> error::Result<Option<StoredMessage>> {
        let sql = "SELECT fingerprint, message_id FROM idempotency_key
            WHERE instance_id = $1 AND idempotency_key = $2 AND used_at > $3";
        let known = values![self.instance.0, self.key.as_str(), self.forgotten];
        let Some(known) = connection.one(sql, known).await? else { return Ok(None) };
        if known.try_get::<Vec<u8>>("", "fingerprint")? != self.fingerprint {
            return Err(Error::Refused(wharf_domain::Error::IdempotencyMismatch));
        }
        let id: String = known.try_get("", "message_id")?;
        let sql = format!("{SELECT} WHERE instance_id = $1 AND message_id = $2 AND direction = $3");
        let row = connection.one(&sql, values![self.instance.0, id, OUTGOING]).await?;
        row.map(|row| message_row::read(keyring, &row)).transpose()
    }

    /// Makes the key stand for a message, unless it stands for another one: then gives that.
    async fn claim(
        &self,
        txn: &DatabaseTransaction,
        keyring: &Keyring,
        message: String,
        now: i64,
    ) -> error::Result<Option<StoredMessage>> {
        let insert = "INSERT INTO idempotency_key
            (instance_id, idempotency_key, fingerprint, message_id, used_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (instance_id, idempotency_key) DO UPDATE SET
            fingerprint = excluded.fingerprint, message_id = excluded.message_id,
            used_at = excluded.used_at WHERE idempotency_key.used_at <= $6";
        let with = |forgotten: i64| {
            let (key, fingerprint) = (self.key.clone(), self.fingerprint.clone());
            values![self.instance.0, key, fingerprint, message.clone(), now, forgotten]
        };
        let written = txn.run(insert, with(self.forgotten)).await.or_missing(Resource::Instance)?;
        if written.rows_affected() > 0 {
            return Ok(None);
        }
        let known = self.recall(txn, keyring).await?;
        if known.is_none() {
            // Its message was pruned, so it stands for nothing any more.
            txn.run(insert, with(i64::MAX)).await?;
        }
        Ok(known)
    }
}

#[async_trait]
impl MessageStore for SeaOrmMessageStore {
    async fn reserve(
        &self,
        instance: InstanceId,
        draft: &OutgoingDraft,
        now: Timestamp,
    ) -> Result<Reservation> {
        let OutgoingDraft { message, raw, idempotency } = draft;
        let pending = MessageStatus::Pending;
        let row = message_row::values(&self.keyring, instance, message, raw.as_ref(), pending)?;
        let id = message.id.to_string();
        let used = idempotency.as_ref().map(|(key, print)| Use::new(instance, key, print, now));
        let keyring = self.keyring.clone();
        let reserved = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                if let Some(used) = used {
                    let now = micros::from_time(now);
                    if let Some(known) = used.claim(txn, &keyring, id, now).await? {
                        return Ok(Reservation::Known(known));
                    }
                }
                let sql = Sql::new(INSERT_INTO, vec![])
                    .push(" VALUES ")
                    .list(row)
                    .on(txn.get_database_backend());
                let written = txn.execute_raw(sql).await;
                written.or_taken_or_missing(Resource::Message, Resource::Instance)?;
                Ok(Reservation::Fresh)
            })
        });
        Ok(reserved.await?)
    }

    async fn recall(
        &self,
        instance: InstanceId,
        key: &str,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredMessage>> {
        let used = Use::new(instance, key, fingerprint, now);
        Ok(used.recall(self.db.reader(), &self.keyring).await?)
    }

    async fn find(&self, instance: InstanceId, id: &MessageId) -> Result<Option<StoredMessage>> {
        let sql = format!(
            "{SELECT} WHERE instance_id = $1 AND message_id = $2 ORDER BY sent_at DESC LIMIT 1"
        );
        let row = self.db.reader().one(&sql, values![instance.0, id.as_str()]).await?;
        Ok(row.map(|row| message_row::read(&self.keyring, &row)).transpose()?)
    }

    async fn unacknowledged(
        &self,
        instance: InstanceId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>> {
        let backend = self.db.backend();
        let mut unacknowledged = Vec::new();
        for ids in batches(backend, 1, ids) {
            // Where ids clash the newest counts, whatever it is.
            let sql = format!(
                "{SELECT} WHERE direction = $2 AND status <= $3 AND NOT EXISTS (SELECT 1
                    FROM message m WHERE m.instance_id = message.instance_id
                    AND m.message_id = message.message_id AND m.sent_at > message.sent_at)
                AND instance_id = $1 AND message_id IN "
            );
            let failed = status_code(MessageStatus::Failed);
            let sql = Sql::new(&sql, values![instance.0, OUTGOING, failed]);
            let sql = sql.list(ids.iter().map(|id| id.as_str().into()));
            let rows = self.db.reader().query_all_raw(sql.on(backend)).await;
            for row in rows.map_err(Error::from)? {
                unacknowledged.push(message_row::read(&self.keyring, &row)?.message);
            }
        }
        Ok(unacknowledged)
    }

    async fn fail(&self, instance: InstanceId, id: &MessageId, code: Option<u16>) -> Result<()> {
        let values = values![
            status_code(MessageStatus::Failed),
            code.map(i32::from),
            instance.0,
            id.as_str(),
            OUTGOING,
            status_code(MessageStatus::Pending),
        ];
        let failed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE message SET status = $1, failure = $2
                    WHERE instance_id = $3 AND message_id = $4 AND direction = $5 AND status = $6";
                txn.run(sql, values).await?;
                Ok(())
            })
        });
        Ok(failed.await?)
    }

    async fn names(&self, instance: InstanceId, jids: &[Jid]) -> Result<Vec<(Jid, String)>> {
        let sql = "SELECT instance_id, message_id, chat, sender, body FROM message
            WHERE instance_id = $1 AND chat = $2 AND sender = $2 AND direction <> $3
            AND has_sender_name ORDER BY sent_at DESC LIMIT 1";
        let mut names = Vec::new();
        for jid in jids {
            let values = values![instance.0, jid.to_string(), OUTGOING];
            let Some(row) = self.db.reader().one(sql, values).await? else { continue };
            let message = message_row::read_message(&self.keyring, &row)?;
            names.extend(message.sender.name.map(|name| (jid.clone(), name)));
        }
        Ok(names)
    }

    async fn import(&self, instance: InstanceId, messages: &[HistoricMessage]) -> Result<u64> {
        let rows = messages.iter().map(|HistoricMessage { message, raw, status }| {
            message_row::values(&self.keyring, instance, message, Some(raw), *status)
        });
        let rows = rows.collect::<error::Result<Vec<_>>>()?;
        let imported = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let backend = txn.get_database_backend();
                // Held as appends hold it, since both write many messages in whichever order they come.
                let lock = locks::for_change(backend);
                let take = format!("SELECT id FROM instance WHERE id = $1{lock}");
                if txn.one(&take, values![instance.0]).await?.is_none() {
                    return Err(Error::not_found(Resource::Instance));
                }
                let mut new = 0;
                for rows in batches(backend, COLUMNS, &rows) {
                    let sql =
                        Sql::new(INSERT_INTO, vec![]).push(" VALUES ").rows(rows.iter().cloned());
                    let sql = sql.push(" ON CONFLICT DO NOTHING").on(backend);
                    new += txn.execute_raw(sql).await?.rows_affected();
                }
                Ok(new)
            })
        });
        Ok(imported.await?)
    }

    async fn metrics(&self, instance: InstanceId, now: Timestamp) -> Result<Metrics> {
        let since = |days| micros::from_time(now - TimeDelta::days(days));
        let values = values![instance.0, since(7), since(30)];
        let rows = self.db.reader().all(figures::SELECT, values).await?;
        Ok(figures::read(&rows)?)
    }

    async fn prune(&self, before: Option<Timestamp>, now: Timestamp, limit: u64) -> Result<u64> {
        let forgotten = micros::from_time(now - IDEMPOTENCY);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let pruned = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let keys = "DELETE FROM idempotency_key WHERE used_at <= $1";
                let mut gone = txn.run(keys, values![forgotten]).await?.rows_affected();
                if let Some(before) = before {
                    let bounds: Vec<Value> = values![micros::from_time(before), limit];
                    gone += txn.run(OLD_MESSAGES, bounds).await?.rows_affected();
                }
                Ok(gone)
            })
        });
        Ok(pruned.await?)
    }
}

const OLD_MESSAGES: &str = "DELETE FROM message WHERE (instance_id, message_id, chat, sender) IN (
    SELECT instance_id, message_id, chat, sender FROM message
    WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)";
