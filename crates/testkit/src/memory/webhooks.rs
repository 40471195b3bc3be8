use async_trait::async_trait;
use wharf_domain::{
    Error, Result, Timestamp,
    delivery::SinkRef,
    instance::InstanceId,
    ports::WebhookStore,
    secret::Secret,
    webhook::{
        MAX_ENABLED, RetiringSecret, Stopped, Webhook, WebhookId, WebhookLabel, WebhookTarget,
        WebhookUrl,
    },
};

use super::{InMemoryStore, State};

impl State {
    pub(super) fn webhooks_of(&self, instance: InstanceId) -> impl Iterator<Item = &Webhook> {
        let own = self.webhooks.values().filter(move |(owner, _)| *owner == instance);
        own.map(|(_, webhook)| webhook)
    }

    fn labelled(&self, instance: InstanceId, label: &WebhookLabel) -> Option<Webhook> {
        self.webhooks_of(instance).find(|webhook| webhook.label == *label).cloned()
    }
}

/// The secret that signs beside the one that is written now.
fn previous_secret(
    old: Option<WebhookTarget>,
    new: Option<&Secret>,
    retire_at: Timestamp,
) -> Option<RetiringSecret> {
    let old = old?;
    let (secret, new) = (old.secret?, new?);
    if secret == *new {
        return old.previous_secret;
    }
    Some(RetiringSecret { secret, until: retire_at })
}

#[async_trait]
impl WebhookStore for InMemoryStore {
    async fn upsert(
        &self,
        instance: InstanceId,
        webhook: &Webhook,
        retire_at: Timestamp,
    ) -> Result<Webhook> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        let enabled_others = state
            .webhooks_of(instance)
            .filter(|other| other.label != webhook.label && other.target.is_some())
            .count();
        if webhook.target.is_some() && enabled_others >= MAX_ENABLED {
            return Err(Error::TooManyWebhooks(MAX_ENABLED));
        }
        let old = state.labelled(instance, &webhook.label);
        let id = old.as_ref().map_or(webhook.id, |old| old.id);
        let mut written = Webhook { id, stopped: None, ..webhook.clone() };
        let old = old.and_then(|old| old.target);
        let old_url = old.as_ref().map(|old| old.url.clone());
        if let Some(target) = &mut written.target {
            target.previous_secret = previous_secret(old, target.secret.as_ref(), retire_at);
        }
        state.webhooks.insert(id, (instance, written.clone()));
        let url = written.target.as_ref().map(|target| &target.url);
        if url.is_some() && url != old_url.as_ref() {
            state.hasten(SinkRef::Webhook(id));
        }
        Ok(written)
    }

    async fn stop(&self, id: WebhookId, url: &WebhookUrl, stopped: &Stopped) -> Result<bool> {
        let mut state = self.step()?;
        let Some((_, webhook)) = state.webhooks.get_mut(&id) else { return Ok(false) };
        if !webhook.target.as_ref().is_some_and(|target| target.url == *url) {
            return Ok(false);
        }
        webhook.target = None;
        webhook.stopped = Some(stopped.clone());
        Ok(true)
    }

    async fn find(&self, instance: InstanceId, label: &WebhookLabel) -> Result<Option<Webhook>> {
        Ok(self.step()?.labelled(instance, label))
    }

    async fn find_by_id(&self, id: WebhookId) -> Result<Option<Webhook>> {
        Ok(self.step()?.webhooks.get(&id).map(|(_, webhook)| webhook.clone()))
    }

    async fn list(&self, instance: InstanceId) -> Result<Vec<Webhook>> {
        let mut own: Vec<_> = self.step()?.webhooks_of(instance).cloned().collect();
        own.sort_by(|a, b| a.label.cmp(&b.label));
        Ok(own)
    }

    async fn defaults(&self, instances: &[InstanceId]) -> Result<Vec<(InstanceId, Webhook)>> {
        let state = self.step()?;
        let label = WebhookLabel::default();
        let found = instances.iter().filter_map(|id| Some((*id, state.labelled(*id, &label)?)));
        Ok(found.collect())
    }

    async fn remove(&self, instance: InstanceId, label: &WebhookLabel) -> Result<bool> {
        let mut state = self.step()?;
        let Some(webhook) = state.labelled(instance, label) else { return Ok(false) };
        state.deliveries.retain(|_, row| row.sink != SinkRef::Webhook(webhook.id));
        Ok(state.webhooks.remove(&webhook.id).is_some())
    }
}
