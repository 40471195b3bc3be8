use async_trait::async_trait;

use crate::{
    Result, Timestamp,
    instance::InstanceId,
    webhook::{Stopped, Webhook, WebhookId, WebhookLabel, WebhookUrl},
};

/// Keeps [`Webhook`]s. Authorization values and signing secrets are sealed at rest.
///
/// An implementation is right when it passes `wharf_testkit::webhook_store_contract!`.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Writes the webhook of an instance and label, in place of the one that was there, whose id stays. Gives the
    /// webhook back as it now is. What waits for it stays: held while it is disabled, going to the new target once it
    /// has one. With another URL, or once more with one, nothing waits any longer for an attempt that failed.
    ///
    /// When a secret takes the place of another one, that one goes on signing until `retire_at`; one that is written
    /// again, or taken away, changes that as it says: the same keeps what there is, none forgets both.
    ///
    /// Fails with `TooManyWebhooks` when it would be one enabled webhook too many, with `NotFound(Instance)` when
    /// there is no such instance; check and write are one step.
    async fn upsert(
        &self,
        instance: InstanceId,
        webhook: &Webhook,
        retire_at: Timestamp,
    ) -> Result<Webhook>;

    /// Disables a webhook because its receiver wants nothing more, unless it has got another URL meanwhile. Says whether
    /// it did. Its configuration is forgotten as with any disabled webhook; what waits for it is held.
    async fn stop(&self, id: WebhookId, url: &WebhookUrl, stopped: &Stopped) -> Result<bool>;

    /// Looks one up by label.
    async fn find(&self, instance: InstanceId, label: &WebhookLabel) -> Result<Option<Webhook>>;

    /// Looks one up by id.
    async fn find_by_id(&self, id: WebhookId) -> Result<Option<Webhook>>;

    /// All webhooks of an instance, disabled ones too, by label.
    async fn list(&self, instance: InstanceId) -> Result<Vec<Webhook>>;

    /// The `default` webhooks of several instances at once; instances without one are left out.
    async fn defaults(&self, instances: &[InstanceId]) -> Result<Vec<(InstanceId, Webhook)>>;

    /// Removes one with its undelivered events, and says whether there was one.
    async fn remove(&self, instance: InstanceId, label: &WebhookLabel) -> Result<bool>;
}
