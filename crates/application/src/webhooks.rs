//! Webhooks, as a caller sees them.

use std::{sync::Arc, time::Duration};

use uuid::Builder;
use wharf_domain::{
    Error, Resource, Result,
    instance::InstanceId,
    ports::{Clock, Random, WebhookStore},
    webhook::{Webhook, WebhookId, WebhookLabel, WebhookTarget},
};

use crate::{Ports, deliverer::Changes};

/// How long a secret goes on signing beside the one that took its place.
const ROTATION: Duration = Duration::from_hours(24);

/// Keeps the webhooks of instances.
#[derive(Clone)]
pub struct WebhookService {
    webhooks: Arc<dyn WebhookStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    changes: Changes,
}

impl WebhookService {
    pub(crate) fn new(ports: &Ports, changes: Changes) -> Self {
        Self {
            webhooks: ports.webhooks.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            changes,
        }
    }

    /// Writes the webhook of a label, in place of the one that was there; with `keep_secret` that one's secret is taken
    /// over. A secret that is replaced by another one goes on signing for a day. What is queued already goes to the new
    /// target. No target disables it and forgets its configuration, and what waits is held until it has one again; where
    /// there is none of that label nothing is written.
    pub async fn set(
        &self,
        instance: InstanceId,
        label: WebhookLabel,
        target: Option<WebhookTarget>,
        keep_secret: bool,
    ) -> Result<Webhook> {
        let known = self.webhooks.find(instance, &label).await?;
        let is_known = known.is_some();
        let secret = known.and_then(|known| known.target?.secret).filter(|_| keep_secret);
        let target = target.map(|target| match secret {
            Some(secret) => WebhookTarget { secret: Some(secret), ..target },
            None => target,
        });
        let webhook = new_webhook(label, target, &*self.random);
        if webhook.target.is_none() && !is_known {
            return Ok(webhook);
        }
        let retire_at = self.clock.now() + ROTATION;
        let written = self.webhooks.upsert(instance, &webhook, retire_at).await?;
        self.changes.webhook(written.id);
        Ok(written)
    }

    /// All webhooks of an instance, disabled ones too, by label.
    pub async fn list(&self, instance: InstanceId) -> Result<Vec<Webhook>> {
        self.webhooks.list(instance).await
    }

    /// The webhook of a label.
    pub async fn find(&self, instance: InstanceId, label: &WebhookLabel) -> Result<Webhook> {
        self.webhooks.find(instance, label).await?.ok_or(Error::NotFound(Resource::Webhook))
    }

    /// Removes the webhook of a label with its undelivered events.
    pub async fn remove(&self, instance: InstanceId, label: &WebhookLabel) -> Result<()> {
        let known = self.find(instance, label).await?;
        let was = self.webhooks.remove(instance, label).await?;
        self.changes.webhook_removed(known.id);
        was.then_some(()).ok_or(Error::NotFound(Resource::Webhook))
    }
}

pub(crate) fn new_webhook(
    label: WebhookLabel,
    target: Option<WebhookTarget>,
    random: &dyn Random,
) -> Webhook {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let id = WebhookId(Builder::from_random_bytes(bytes).into_uuid());
    Webhook { id, label, target, stopped: None }
}
