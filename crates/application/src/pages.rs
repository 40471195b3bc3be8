//! Who may see the page of a pairing.

use std::{sync::Arc, time::Duration};

use wharf_domain::{
    Result,
    instance::{Instance, InstanceId, InstanceName},
    ports::{Clock, InstanceStore, PageAccess, PageTicket, Random},
    secret::Secret,
};

use crate::{Ports, ids};

/// What tickets begin with, so that none is good for what another one is for: a visit must not open the next visit, or
/// it would never end, and no link is used up by being shown in the place of a visit.
#[derive(Clone, Copy)]
enum Kind {
    Link,
    Visit,
}

impl Kind {
    fn mark(self) -> char {
        match self {
            Self::Link => 'l',
            Self::Visit => 'v',
        }
    }

    fn is_of(self, token: &Secret) -> bool {
        token.expose().starts_with(self.mark())
    }
}

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
        self.grant(instance.id, Self::LINK, Kind::Link).await
    }

    /// A visit, for somebody who has proved who they are.
    ///
    /// Fails with `NotFound(Instance)` when the instance was deleted meanwhile.
    pub async fn visit(&self, instance: &Instance) -> Result<PageTicket> {
        self.grant(instance.id, Self::VISIT, Kind::Visit).await
    }

    /// Uses a link up and gives the visit it opens; nothing when it opens none, or the page of another instance.
    pub async fn enter(&self, link: &Secret, name: &InstanceName) -> Result<Option<PageTicket>> {
        match self.opened_by(link, Kind::Link, name).await? {
            Some(instance) => self.visit(&instance).await.map(Some),
            None => Ok(None),
        }
    }

    /// The instance whose page a visit opens; nothing when it opens none, or the page of another instance.
    pub async fn instance(&self, visit: &Secret, name: &InstanceName) -> Result<Option<Instance>> {
        self.opened_by(visit, Kind::Visit, name).await
    }

    async fn opened_by(
        &self,
        token: &Secret,
        kind: Kind,
        name: &InstanceName,
    ) -> Result<Option<Instance>> {
        if !kind.is_of(token) {
            return Ok(None);
        }
        let Some(id) = self.access.admit(token, self.clock.now()).await? else { return Ok(None) };
        let instance = self.instances.find_by_id(id).await?;
        Ok(instance.filter(|instance| instance.name == *name))
    }

    async fn grant(&self, instance: InstanceId, lasts: Duration, kind: Kind) -> Result<PageTicket> {
        let now = self.clock.now();
        let ticket = PageTicket {
            token: ids::ticket(kind.mark(), &*self.random),
            instance,
            expires_at: now + lasts,
            single_use: matches!(kind, Kind::Link),
        };
        self.access.grant(&ticket, now).await?;
        Ok(ticket)
    }
}
