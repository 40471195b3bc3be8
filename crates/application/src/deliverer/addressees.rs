//! Where deliveries go: instances and sinks as they are now.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Delivery, SinkRef},
    instance::Instance,
    ports::{Clock, InstanceStore, WebhookStore},
    webhook::{WebhookLabel, WebhookTarget},
};

use crate::Ports;

/// How long what was read is taken for true although this process changed nothing: somebody else might have.
const FRESH: TimeDelta = TimeDelta::seconds(1);
/// How many are kept. More are busy at once nowhere.
const KEPT: usize = 4096;

/// Reads where deliveries go, and keeps it for a moment: a sink that is busy is asked for with each of its events.
pub(crate) struct Addressees {
    instances: Arc<dyn InstanceStore>,
    webhooks: Arc<dyn WebhookStore>,
    clock: Arc<dyn Clock>,
    /// Grows with every change that this process makes.
    version: AtomicU64,
    known: Mutex<HashMap<SinkRef, Known>>,
}

struct Known {
    version: u64,
    read_at: Timestamp,
    addressee: Arc<Addressee>,
}

/// Whom a delivery goes to.
pub(super) struct Addressee {
    pub(super) instance: Instance,
    pub(super) label: WebhookLabel,
    pub(super) target: WebhookTarget,
    /// Scheme, host and port.
    pub(super) receiver: Arc<str>,
}

/// What was found of a sink.
pub(super) enum Found {
    Addressee(Arc<Addressee>),
    /// It takes nothing at the moment; what waits for it is held.
    Disabled,
    /// It is gone, or its instance is.
    Nobody,
}

impl Addressees {
    pub(super) fn new(ports: &Ports) -> Self {
        Self {
            instances: ports.instances.clone(),
            webhooks: ports.webhooks.clone(),
            clock: ports.clock.clone(),
            version: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// What was read before counts no more. To be called once a change is stored.
    pub(super) fn outdate(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.known().clear();
    }

    /// Whom a delivery goes to now.
    pub(super) async fn of(&self, delivery: &Delivery) -> Result<Found> {
        // Asked before anything is read: what changes while it is read outdates it.
        let version = self.version.load(Ordering::SeqCst);
        let now = self.clock.now();
        if let Some(known) = self.known().get(&delivery.sink)
            && known.version == version
            && (TimeDelta::zero()..FRESH).contains(&(now - known.read_at))
        {
            return Ok(Found::Addressee(known.addressee.clone()));
        }
        let webhook = match delivery.sink {
            SinkRef::Webhook(id) => self.webhooks.find_by_id(id).await?,
            _ => None,
        };
        let Some(webhook) = webhook else { return Ok(Found::Nobody) };
        let Some(target) = webhook.target else { return Ok(Found::Disabled) };
        let Some(instance) = self.instances.find_by_id(delivery.event.instance).await? else {
            return Ok(Found::Nobody);
        };
        let receiver = target.url.as_url().origin().ascii_serialization().into();
        let addressee = Arc::new(Addressee { instance, label: webhook.label, target, receiver });
        let mut known = self.known();
        if known.len() >= KEPT {
            known.clear();
        }
        let fresh = Known { version, read_at: now, addressee: addressee.clone() };
        known.insert(delivery.sink, fresh);
        Ok(Found::Addressee(addressee))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SinkRef, Known>> {
        // Each change is complete by itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
