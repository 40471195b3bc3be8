//! Figures of what instances have sent and received.

use std::{collections::BTreeSet, sync::Arc};

use wharf_domain::{
    Result,
    instance::InstanceName,
    metrics::Metrics,
    ports::{Clock, MessageStore},
    token::Principal,
};

use crate::{Ports, access::AccessService};

/// Adds up figures.
#[derive(Clone)]
pub struct MetricsService {
    access: AccessService,
    messages: Arc<dyn MessageStore>,
    clock: Arc<dyn Clock>,
}

impl MetricsService {
    pub(crate) fn new(ports: &Ports, access: AccessService) -> Self {
        Self { access, messages: ports.messages.clone(), clock: ports.clock.clone() }
    }

    /// The figures of several instances together; a name that is given twice counts once.
    ///
    /// Fails with `NotFound(Instance)` or `WrongInstance` when any of them is not the caller's.
    pub async fn of(&self, caller: Principal, names: &[InstanceName]) -> Result<Metrics> {
        let mut instances = BTreeSet::new();
        for name in names {
            instances.insert(self.access.instance(caller, name).await?.id);
        }
        let now = self.clock.now();
        let mut sum = Metrics::default();
        for instance in instances {
            sum = sum.plus(self.messages.metrics(instance, now).await?);
        }
        Ok(sum)
    }
}
