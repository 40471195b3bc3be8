use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use uuid::Uuid;
use wharf_domain::{
    Resource, Result, Timestamp,
    instance::InstanceId,
    ports::WebhookStore,
    secret::Secret,
    webhook::{
        MAX_ENABLED, RetiringSecret, Stopped, Webhook, WebhookId, WebhookLabel, WebhookTarget,
        WebhookUrl,
    },
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    delivery_queue::{DEAD, DELIVERED, WAITING},
    error::{self, Error},
    locks, micros,
    statement::{Run as _, Sql, batches, values},
    webhook_row::{self, INSERT, SELECT},
};

/// Webhooks in the database.
#[derive(Clone, Debug)]
pub struct SeaOrmWebhookStore {
    db: Database,
    keyring: Arc<Keyring>,
}

impl SeaOrmWebhookStore {
    /// Works on `db`, whose schema is up to date.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        Self { db, keyring }
    }
}

/// In place of the one of the same label, whose id stays.
const REPLACE: &str = " ON CONFLICT (instance_id, label) DO UPDATE SET url = excluded.url, \
    authorization_value = excluded.authorization_value, secret = excluded.secret, \
    previous_secret = excluded.previous_secret, \
    previous_secret_until = excluded.previous_secret_until, \
    stopped_reason = NULL, stopped_at = NULL, by_events = excluded.by_events, events = excluded.events, \
    media_base64 = excluded.media_base64 RETURNING id";

/// Takes the instance's row, so that its events are fanned out before or after, and says whether there is one.
async fn take(txn: &DatabaseTransaction, instance: InstanceId) -> error::Result<bool> {
    let lock = locks::for_change(txn.get_database_backend());
    let sql = format!("SELECT id FROM instance WHERE id = $1{lock}");
    Ok(txn.one(&sql, values![instance.0]).await?.is_some())
}

async fn enabled(txn: &DatabaseTransaction, instance: InstanceId) -> error::Result<usize> {
    let sql = "SELECT COUNT(*) AS enabled FROM webhook WHERE instance_id = $1 AND url IS NOT NULL";
    let row = txn.one(sql, values![instance.0]).await?;
    let enabled: i64 = row.ok_or(Error::nonsense("count"))?.try_get("", "enabled")?;
    usize::try_from(enabled).map_err(|_| Error::nonsense("count"))
}

/// Writes the webhook in place of the one of its label, and gives it as it now is.
async fn replace(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    instance: InstanceId,
    mut webhook: Webhook,
    retire_at: Timestamp,
) -> error::Result<Webhook> {
    let sql = format!("{SELECT} WHERE instance_id = $1 AND label = $2");
    let old = txn.one(&sql, values![instance.0, webhook.label.as_str()]).await?;
    let old = old.map(|row| webhook_row::read(keyring, &row)).transpose()?;
    let old = old.and_then(|old| old.target);
    let old_url = old.as_ref().map(|old| old.url.as_str().to_owned());
    if let Some(target) = &mut webhook.target {
        target.previous_secret = previous_secret(old, target.secret.as_ref(), retire_at);
    }
    let previous = webhook.target.as_ref().and_then(|target| target.previous_secret.as_ref());
    let row = webhook_row::values(keyring, instance, &webhook, previous)?;
    let written = txn.one(&format!("{INSERT}{REPLACE}"), row).await?;
    if webhook.target.is_some() && enabled(txn, instance).await? > MAX_ENABLED {
        return Err(Error::Refused(wharf_domain::Error::TooManyWebhooks(MAX_ENABLED)));
    }
    let id = written.ok_or(Error::nonsense("webhook"))?.try_get("", "id")?;
    let url = webhook.target.as_ref().map(|target| target.url.as_str());
    if url.is_some() && url != old_url.as_deref() {
        hasten(txn, id).await?;
    }
    Ok(Webhook { id: WebhookId(id), ..webhook })
}

/// Whatever it was that failed, it was another receiver: what is to be tried again has been due since it was recorded.
async fn hasten(txn: &DatabaseTransaction, id: Uuid) -> error::Result<()> {
    locks::share_rows(txn).await?;
    let sql = "UPDATE delivery SET
            due_at = (SELECT e.recorded_at FROM event e WHERE e.id = delivery.event_id),
            head_due = (SELECT e.recorded_at FROM event e WHERE e.id = delivery.event_id)
        WHERE sink_id = $1 AND head_due IS NOT NULL AND attempts > 0";
    txn.run(sql, values![id]).await?;
    Ok(())
}

/// The secret that signs beside the new one: the one it takes the place of.
fn previous_secret(
    old: Option<WebhookTarget>,
    new: Option<&Secret>,
    retire_at: Timestamp,
) -> Option<RetiringSecret> {
    let (old, new) = (old?, new?);
    match old.secret? {
        secret if secret == *new => old.previous_secret,
        secret => Some(RetiringSecret { secret, until: retire_at }),
    }
}

/// How many deliveries of each state one transaction removes.
const REMOVED_AT_ONCE: i64 = 2_000;

/// Removes deliveries of a webhook, and with the last of them the webhook: then says whether there was one.
async fn remove_some(txn: &DatabaseTransaction, id: Uuid) -> error::Result<Option<bool>> {
    locks::own_rows(txn).await?;
    for status in [WAITING, DEAD, DELIVERED] {
        let sql = format!(
            "DELETE FROM delivery WHERE id IN
            (SELECT id FROM delivery WHERE sink_id = $1 AND status = {status} LIMIT $2)"
        );
        let gone = txn.run(&sql, values![id, REMOVED_AT_ONCE]).await?.rows_affected();
        if i64::try_from(gone).is_ok_and(|gone| gone == REMOVED_AT_ONCE) {
            return Ok(None);
        }
    }
    let removed = txn.run("DELETE FROM webhook WHERE id = $1", values![id]).await?;
    Ok(Some(removed.rows_affected() > 0))
}

#[async_trait]
impl WebhookStore for SeaOrmWebhookStore {
    async fn upsert(
        &self,
        instance: InstanceId,
        webhook: &Webhook,
        retire_at: Timestamp,
    ) -> Result<Webhook> {
        let keyring = self.keyring.clone();
        let webhook = Webhook { stopped: None, ..webhook.clone() };
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                if !take(txn, instance).await? {
                    return Err(Error::not_found(Resource::Instance));
                }
                replace(txn, &keyring, instance, webhook, retire_at).await
            })
        });
        Ok(written.await?)
    }

    async fn stop(&self, id: WebhookId, url: &WebhookUrl, stopped: &Stopped) -> Result<bool> {
        let values =
            values![id.0, url.as_str(), stopped.reason.as_str(), micros::from_time(stopped.at)];
        let written = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE webhook SET url = NULL, authorization_value = NULL,
                    secret = NULL, previous_secret = NULL, previous_secret_until = NULL,
                    by_events = FALSE, events = '', media_base64 = FALSE, stopped_reason = $3,
                    stopped_at = $4 WHERE id = $1 AND url = $2";
                Ok(txn.run(sql, values).await?.rows_affected() > 0)
            })
        });
        Ok(written.await?)
    }

    async fn find(&self, instance: InstanceId, label: &WebhookLabel) -> Result<Option<Webhook>> {
        let sql = format!("{SELECT} WHERE instance_id = $1 AND label = $2");
        let row = self.db.reader().one(&sql, values![instance.0, label.as_str()]).await?;
        Ok(row.map(|row| webhook_row::read(&self.keyring, &row)).transpose()?)
    }

    async fn find_by_id(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = self.db.reader().one(&sql, values![id.0]).await?;
        Ok(row.map(|row| webhook_row::read(&self.keyring, &row)).transpose()?)
    }

    async fn list(&self, instance: InstanceId) -> Result<Vec<Webhook>> {
        let sql = format!("{SELECT} WHERE instance_id = $1");
        let rows = self.db.reader().all(&sql, values![instance.0]).await?;
        let webhooks = rows.iter().map(|row| webhook_row::read(&self.keyring, row));
        let mut webhooks = webhooks.collect::<error::Result<Vec<_>>>()?;
        // Here, since databases sort text each in their own way.
        webhooks.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(webhooks)
    }

    async fn defaults(&self, instances: &[InstanceId]) -> Result<Vec<(InstanceId, Webhook)>> {
        let backend = self.db.backend();
        let label = WebhookLabel::default();
        let mut defaults = Vec::new();
        for instances in batches(backend, 1, instances) {
            let sql = format!("{SELECT} WHERE label = $1 AND instance_id IN ");
            let ids = instances.iter().map(|instance| instance.0.into());
            let sql = Sql::new(&sql, values![label.as_str()]).list(ids);
            let rows = self.db.reader().query_all_raw(sql.on(backend)).await;
            for row in rows.map_err(Error::from)? {
                let id = row.try_get("", "instance_id").map_err(Error::from)?;
                defaults.push((InstanceId(id), webhook_row::read(&self.keyring, &row)?));
            }
        }
        Ok(defaults)
    }

    async fn remove(&self, instance: InstanceId, label: &WebhookLabel) -> Result<bool> {
        let Some(webhook) = self.find(instance, label).await? else { return Ok(false) };
        // It may have a row for every event of the log, so they go a few at a time, once nothing is added any more.
        let id = webhook.id.0;
        let silence = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                take(txn, instance).await?;
                txn.run("UPDATE webhook SET url = NULL WHERE id = $1", values![id]).await?;
                Ok(())
            })
        });
        silence.await?;
        loop {
            let some = self.db.write::<_, _, Error>(move |txn| {
                Box::pin(async move {
                    take(txn, instance).await?;
                    remove_some(txn, id).await
                })
            });
            if let Some(existed) = some.await? {
                return Ok(existed);
            }
        }
    }
}
