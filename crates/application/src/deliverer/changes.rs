//! What the deliverer has to know of changes that callers make.

use std::sync::Arc;

use wharf_domain::{delivery::SinkRef, instance::InstanceId, webhook::WebhookId};

use super::{DeliveryConfig, addressees::Addressees, sinks::Sinks};
use crate::{Ports, recorder::Recorder};

/// Told of changes once they are stored, so that they apply to what is queued already.
#[derive(Clone)]
pub(crate) struct Changes {
    pub(super) addressees: Arc<Addressees>,
    pub(super) sinks: Arc<Sinks>,
    recorder: Recorder,
}

impl Changes {
    pub(crate) fn new(ports: &Ports, recorder: Recorder, config: &DeliveryConfig) -> Self {
        let sinks = Sinks::new(ports, recorder.clone(), config.per_receiver);
        Self { addressees: Arc::new(Addressees::new(ports)), sinks, recorder }
    }

    /// An instance is set up differently.
    pub(crate) fn instance(&self) {
        self.addressees.outdate();
    }

    /// An instance is gone: whoever is attached to it is let go.
    pub(crate) fn instance_removed(&self, id: InstanceId) {
        self.addressees.outdate();
        self.recorder.live().wake(id);
    }

    /// A webhook has another configuration: what was held may go, and how it went before says nothing any more.
    pub(crate) fn webhook(&self, id: WebhookId) {
        self.addressees.outdate();
        self.webhook_works(id);
    }

    /// Deliveries of a webhook were dropped: what is known of them is not true any more, and what was behind them may go.
    pub(crate) fn dropped(&self, id: WebhookId) {
        self.recorder.lanes().cut_all_of(SinkRef::Webhook(id));
        self.recorder.wake();
    }

    /// A webhook is gone.
    pub(crate) fn webhook_removed(&self, id: WebhookId) {
        self.addressees.outdate();
        self.sinks.forget(SinkRef::Webhook(id));
    }

    /// Something got through to a webhook: what waits need not wait for the next look.
    pub(crate) fn webhook_works(&self, id: WebhookId) {
        self.sinks.is_back(SinkRef::Webhook(id));
        self.recorder.wake();
    }
}
