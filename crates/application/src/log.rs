//! The event log, as a caller reads it.

use std::sync::Arc;

use wharf_domain::{
    Result,
    event::{Event, EventId},
    instance::InstanceId,
    ports::{EventLog, LogStart},
};

use crate::{Ports, hidden::Hidden};

/// Reads the log of instances.
#[derive(Clone)]
pub struct LogService {
    log: Arc<dyn EventLog>,
    hidden: Hidden,
}

/// Some events of a log, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// The events.
    pub events: Vec<Event>,
    /// Where the next page begins; `None` when there was nothing more.
    pub next: Option<EventId>,
}

impl LogService {
    pub(crate) fn new(ports: &Ports, hidden: Hidden) -> Self {
        Self { log: ports.log.clone(), hidden }
    }

    /// At most `limit` events of an instance. People in them are told by their phone JID where that is known by now.
    pub async fn page(
        &self,
        instance: InstanceId,
        from: LogStart,
        limit: usize,
    ) -> Result<LogPage> {
        let mut events = self.log.read(instance, from, limit).await?;
        let next = match events.last() {
            // A page may be short because something in it cannot be read, and not because it is the last.
            Some(last) if last.sequence < self.log.end(instance).await? => Some(last.id),
            _ => None,
        };
        self.hidden.learn_all(instance, events.iter_mut().map(|event| &mut event.body)).await;
        Ok(LogPage { events, next })
    }
}
