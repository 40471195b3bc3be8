use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    instance::InstanceId,
    ports::{PageAccess, PageTicket},
    secret::Secret,
};

use super::InMemoryStore;

#[async_trait]
impl PageAccess for InMemoryStore {
    async fn grant(&self, ticket: &PageTicket, now: Timestamp) -> Result<()> {
        let mut state = self.step()?;
        state.known_instance(ticket.instance)?;
        state.page_tickets.retain(|other| other.expires_at > now);
        state.page_tickets.push(ticket.clone());
        Ok(())
    }

    async fn admit(&self, token: &Secret, now: Timestamp) -> Result<Option<InstanceId>> {
        let mut state = self.step()?;
        let is_it = |one: &PageTicket| one.token.expose() == token.expose() && one.expires_at > now;
        let Some(place) = state.page_tickets.iter().position(is_it) else { return Ok(None) };
        let PageTicket { instance, single_use, .. } = state.page_tickets[place];
        if single_use {
            state.page_tickets.remove(place);
        }
        Ok(Some(instance))
    }
}
