use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use uuid::Uuid;
use wharf_domain::{
    Resource, Result,
    instance::InstanceId,
    ports::WebhookStore,
    webhook::{MAX_ENABLED, Webhook, WebhookId, WebhookLabel},
};
use wharf_seal::Keyring;
use wharf_sql::Database;

use crate::{
    error::{self, Error},
    locks,
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
    by_events = excluded.by_events, events = excluded.events, \
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

#[async_trait]
impl WebhookStore for SeaOrmWebhookStore {
    async fn upsert(&self, instance: InstanceId, webhook: &Webhook) -> Result<Webhook> {
        let row = webhook_row::values(&self.keyring, instance, webhook)?;
        let is_enabled = webhook.target.is_some();
        let written = self.db.write::<_, Uuid, Error>(move |txn| {
            Box::pin(async move {
                if !take(txn, instance).await? {
                    return Err(Error::not_found(Resource::Instance));
                }
                let written = txn.one(&format!("{INSERT}{REPLACE}"), row).await?;
                if is_enabled && enabled(txn, instance).await? > MAX_ENABLED {
                    let refusal = wharf_domain::Error::TooManyWebhooks(MAX_ENABLED);
                    return Err(Error::Refused(refusal));
                }
                Ok(written.ok_or(Error::nonsense("webhook"))?.try_get("", "id")?)
            })
        });
        Ok(Webhook { id: WebhookId(written.await?), ..webhook.clone() })
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
        let label = label.as_str().to_owned();
        let removed = self.db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                if !take(txn, instance).await? {
                    return Ok(false);
                }
                locks::own_rows(txn).await?;
                let sql = "DELETE FROM webhook WHERE instance_id = $1 AND label = $2 RETURNING id";
                let Some(row) = txn.one(sql, values![instance.0, label]).await? else {
                    return Ok(false);
                };
                let id: Uuid = row.try_get("", "id")?;
                txn.run("DELETE FROM delivery WHERE sink_id = $1", values![id]).await?;
                Ok(true)
            })
        });
        Ok(removed.await?)
    }
}
