//! How things stand in the whole gateway, for whoever operates it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use wharf_domain::{
    Result, Timestamp,
    delivery::Depth,
    ports::{Clock, DeliveryLedger, InstanceStore},
    state::ConnectionState,
};

use crate::{Ports, sessions::Sessions};

/// How things stand, as far as the store said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many instances are in which state.
    pub sessions: Option<Vec<(ConnectionState, u64)>>,
    /// How many deliveries are in which state.
    pub depths: Option<Vec<Depth>>,
}

/// Looks figures up, and keeps them a while: whoever asks often costs the store no more.
#[derive(Clone)]
pub struct FigureService {
    instances: Arc<dyn InstanceStore>,
    ledger: Arc<dyn DeliveryLedger>,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    latest: Arc<Mutex<Option<(Timestamp, Figures)>>>,
}

impl FigureService {
    /// How old figures may be.
    const FRESH: Duration = Duration::from_secs(10);
    /// How long the store may take.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(crate) fn new(ports: &Ports, sessions: Sessions) -> Self {
        Self {
            instances: ports.instances.clone(),
            ledger: ports.ledger.clone(),
            sessions,
            clock: ports.clock.clone(),
            latest: Arc::default(),
        }
    }

    /// The figures, at most ten seconds old. What the store does not say in time is missing.
    pub async fn now(&self) -> Figures {
        // Held while the store is asked, so that it is asked once however many want to know.
        let mut latest = self.latest.lock().await;
        // A clock that was set back makes them old.
        let age = |at: Timestamp| (self.clock.now() - at).to_std();
        if let Some((at, figures)) = &*latest
            && age(*at).is_ok_and(|age| age < Self::FRESH)
        {
            return figures.clone();
        }
        let figures = tokio::select! {
            figures = self.look_up() => figures,
            () = self.clock.sleep(Self::PATIENCE) => {
                tracing::warn!("the store did not give the figures in time");
                Figures::default()
            }
        };
        *latest = Some((self.clock.now(), figures.clone()));
        figures
    }

    async fn look_up(&self) -> Figures {
        Figures { sessions: told(self.states().await), depths: told(self.ledger.depths().await) }
    }

    async fn states(&self) -> Result<Vec<(ConnectionState, u64)>> {
        let mut counts = HashMap::new();
        for (id, standing) in self.instances.standings().await? {
            *counts.entry(self.sessions.state(id, &standing)).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }
}

fn told<T>(figures: Result<T>) -> Option<T> {
    figures
        .inspect_err(|e| {
            tracing::warn!(error = e as &dyn std::error::Error, "could not look figures up");
        })
        .ok()
}
