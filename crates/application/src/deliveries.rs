//! Deliveries, as a caller sees them: what became of them, once more, no more.

use std::{sync::Arc, time::Duration};

use wharf_domain::{
    Error, Resource, Result,
    delivery::{Attempt, DeliveryId, DeliveryRecord, DeliveryState, Outcome, Probe, Replay},
    event::EventId,
    instance::{Instance, InstanceId},
    ports::{Clock, DeliveryFilter, DeliveryLedger, EventSink, Meter, Random, WebhookStore},
    webhook::{Webhook, WebhookLabel},
};

use crate::{Ports, deliverer::Changes, ids, recorder::Recorder, sessions::Sessions};

/// How many events or deliveries one step looks at, so that nobody who writes waits long for it.
const STEP: usize = 500;

/// Lists deliveries, queues them once more and drops them.
#[derive(Clone)]
pub struct DeliveryService {
    ledger: Arc<dyn DeliveryLedger>,
    webhooks: Arc<dyn WebhookStore>,
    webhook_sink: Arc<dyn EventSink>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    recorder: Recorder,
    changes: Changes,
    sessions: Sessions,
}

/// Some deliveries, in the order of their events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryRecord>,
    /// Where the next page begins; `None` when there was nothing more.
    pub next: Option<DeliveryId>,
}

/// What came of a test event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// How it went.
    pub attempt: Attempt,
    /// How long it took.
    pub took: Duration,
}

impl DeliveryService {
    pub(crate) fn new(
        ports: &Ports,
        recorder: Recorder,
        changes: Changes,
        sessions: Sessions,
    ) -> Self {
        Self {
            ledger: ports.ledger.clone(),
            webhooks: ports.webhooks.clone(),
            webhook_sink: ports.webhook_sink.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            meter: ports.meter.clone(),
            recorder,
            changes,
            sessions,
        }
    }

    /// At most `limit` deliveries of an instance after a place in the list, those in a state and of a label where such
    /// are named.
    ///
    /// Fails with `NotFound(Webhook)` when there is no webhook of that label.
    pub async fn list(
        &self,
        instance: InstanceId,
        state: Option<DeliveryState>,
        label: Option<&WebhookLabel>,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<DeliveryPage> {
        let webhook = match label {
            Some(label) => Some(self.webhook(instance, label).await?.id),
            None => None,
        };
        let filter = DeliveryFilter { state, webhook, after };
        let mut deliveries = self.ledger.list(instance, &filter, limit.saturating_add(1)).await?;
        let is_more = deliveries.len() > limit;
        deliveries.truncate(limit);
        let next = deliveries.last().filter(|_| is_more).map(|last| last.id);
        Ok(DeliveryPage { deliveries, next })
    }

    /// Queues events once more for a webhook, under their ids and outside the lanes of their chats, and says how many.
    /// What is on its way already is not queued twice.
    ///
    /// Fails with `NotFound(Webhook)` when there is no webhook of that label.
    pub async fn replay(
        &self,
        instance: InstanceId,
        label: &WebhookLabel,
        replay: Replay,
    ) -> Result<u64> {
        let webhook = self.webhook(instance, label).await?.id;
        let this = self.clone();
        // A caller who goes away must not leave half of it.
        let replaying = async move {
            // All steps speak of one moment: what is recorded meanwhile goes out by itself.
            let now = this.clock.now();
            let (mut queued, mut from) = (0, Some(0));
            while let Some(place) = from {
                let step = this.ledger.requeue(instance, webhook, &replay, place, STEP, now);
                let step = step.await?;
                queued += step.queued;
                from = step.next;
                this.recorder.wake();
            }
            tracing::info!(instance = %instance.0, queued, "events are delivered once more");
            Ok(queued)
        };
        self.sessions.to_its_end(replaying).await
    }

    /// Drops what is queued for a webhook and in that state, and says how much.
    ///
    /// Fails with `NotFound(Webhook)` when there is no webhook of that label, with `Invalid` for what is delivered:
    /// that is history and goes with its events.
    pub async fn discard(
        &self,
        instance: InstanceId,
        label: &WebhookLabel,
        state: DeliveryState,
    ) -> Result<u64> {
        if state == DeliveryState::Delivered {
            return Err(Error::invalid("state", "must be pending, dead or held"));
        }
        let webhook = self.webhook(instance, label).await?.id;
        let this = self.clone();
        let dropping = async move {
            let mut dropped = 0;
            loop {
                let step = this.ledger.discard(instance, webhook, state, STEP).await;
                // Also when it failed: what came before it is done.
                this.changes.dropped(webhook);
                let step = step?;
                dropped += step;
                if step < STEP as u64 {
                    break;
                }
            }
            let state = state.as_str();
            tracing::warn!(instance = %instance.0, state, dropped, "deliveries dropped on request");
            Ok(dropped)
        };
        self.sessions.to_its_end(dropping).await
    }

    /// Sends one marked test event to a webhook, now, and says how that went. It is in no log and is not tried again.
    ///
    /// Fails with `NotFound(Webhook)` when there is no webhook of that label, with `Invalid` when it is disabled.
    pub async fn test(&self, instance: &Instance, label: &WebhookLabel) -> Result<Tested> {
        let webhook = self.webhook(instance.id, label).await?;
        let disabled = || Error::invalid("label", "the webhook of this label is disabled");
        let target = webhook.target.as_ref().ok_or_else(disabled)?;
        let at = self.clock.now();
        let probe = Probe {
            id: EventId(ids::uuid(at, &*self.random)),
            at,
            instance: &instance.name,
            token: &instance.token,
            target,
        };
        let attempt = self.webhook_sink.probe(&probe).await;
        let took = (self.clock.now() - at).to_std().unwrap_or_default();
        self.meter.webhook_tried(&attempt.outcome, took);
        if attempt.outcome == Outcome::Delivered {
            self.changes.webhook_works(webhook.id);
        }
        Ok(Tested { attempt, took })
    }

    async fn webhook(&self, instance: InstanceId, label: &WebhookLabel) -> Result<Webhook> {
        let found = self.webhooks.find(instance, label).await?;
        found.ok_or(Error::NotFound(Resource::Webhook))
    }
}
