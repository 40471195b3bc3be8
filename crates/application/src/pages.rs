//! Who may see the page of a pairing.

use std::{sync::Arc, time::Duration};

use wharf_domain::{
    Result,
    instance::{Instance, InstanceId, InstanceName},
    ports::{Clock, InstanceStore, PageAccess, PageTicket, Random},
    secret::Secret,
};

use crate::{Ports, ids};

/// Gives out and takes tickets to pairing pages.
#[derive(Clone)]
pub struct PageService {
    access: Arc<dyn PageAccess>,
    instances: Arc<dyn InstanceStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl PageService {
    /// How long a link waits for its use.
    pub const LINK: Duration = Duration::from_mins(10);
    /// How long a visit lasts.
    pub const VISIT: Duration = Duration::from_mins(15);

    pub(crate) fn new(ports: &Ports) -> Self {
        Self {
            access: ports.page_access.clone(),
            instances: ports.instances.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
        }
    }

    /// A ticket to hand to somebody else: it opens one visit.
    ///
    /// Fails with `NotFound(Instance)` when the instance was deleted meanwhile.
    pub async fn link(&self, instance: &Instance) -> Result<PageTicket> {
        self.grant(instance.id, Self::LINK, true).await
    }

    /// A visit, for somebody who has proved who they are.
    ///
    /// Fails with `NotFound(Instance)` when the instance was deleted meanwhile.
    pub async fn visit(&self, instance: &Instance) -> Result<PageTicket> {
        self.grant(instance.id, Self::VISIT, false).await
    }

    /// Uses a link up and gives the visit it opens; nothing when it opens none, or the page of another instance.
    pub async fn enter(&self, link: &Secret, name: &InstanceName) -> Result<Option<PageTicket>> {
        match self.instance(link, name).await? {
            Some(instance) => self.visit(&instance).await.map(Some),
            None => Ok(None),
        }
    }

    /// The instance whose page a ticket opens; nothing when it opens none, or the page of another instance.
    pub async fn instance(&self, token: &Secret, name: &InstanceName) -> Result<Option<Instance>> {
        let Some(id) = self.access.admit(token, self.clock.now()).await? else { return Ok(None) };
        let instance = self.instances.find_by_id(id).await?;
        Ok(instance.filter(|instance| instance.name == *name))
    }

    async fn grant(
        &self,
        instance: InstanceId,
        lasts: Duration,
        single_use: bool,
    ) -> Result<PageTicket> {
        let now = self.clock.now();
        let token = ids::ticket(&*self.random);
        let ticket = PageTicket { token, instance, expires_at: now + lasts, single_use };
        self.access.grant(&ticket, now).await?;
        Ok(ticket)
    }
}
