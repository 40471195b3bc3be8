//! Webhooks, as a caller sees them.

use std::sync::Arc;

use uuid::Builder;
use wharf_domain::{
    Error, Resource, Result,
    instance::InstanceId,
    ports::{Random, WebhookStore},
    webhook::{Webhook, WebhookId, WebhookLabel, WebhookTarget},
};

/// Keeps the webhooks of instances.
#[derive(Clone)]
pub struct WebhookService {
    webhooks: Arc<dyn WebhookStore>,
    random: Arc<dyn Random>,
}

impl WebhookService {
    pub(crate) fn new(webhooks: Arc<dyn WebhookStore>, random: Arc<dyn Random>) -> Self {
        Self { webhooks, random }
    }

    /// Writes the webhook of a label, in place of the one that was there; with `keep_secret` that one's secret is taken
    /// over. No target disables it and forgets its configuration; where there is none of that label nothing is written.
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
        self.webhooks.upsert(instance, &webhook).await
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
        let was = self.webhooks.remove(instance, label).await?;
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
    Webhook { id, label, target }
}
