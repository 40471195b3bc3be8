use async_trait::async_trait;
use wharf_domain::{
    Error, Result,
    delivery::SinkRef,
    instance::InstanceId,
    ports::WebhookStore,
    webhook::{MAX_ENABLED, Webhook, WebhookId, WebhookLabel},
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

#[async_trait]
impl WebhookStore for InMemoryStore {
    async fn upsert(&self, instance: InstanceId, webhook: &Webhook) -> Result<Webhook> {
        let mut state = self.step()?;
        state.known_instance(instance)?;
        let enabled_others = state
            .webhooks_of(instance)
            .filter(|other| other.label != webhook.label && other.target.is_some())
            .count();
        if webhook.target.is_some() && enabled_others >= MAX_ENABLED {
            return Err(Error::TooManyWebhooks(MAX_ENABLED));
        }
        let id = state.labelled(instance, &webhook.label).map_or(webhook.id, |old| old.id);
        let written = Webhook { id, ..webhook.clone() };
        state.webhooks.insert(id, (instance, written.clone()));
        Ok(written)
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
