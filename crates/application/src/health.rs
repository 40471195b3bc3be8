//! Whether the parts we depend on work.

use std::{sync::Arc, time::Duration};

use wharf_domain::{
    Timestamp,
    ports::{Clock, HealthCheck},
};

use crate::Ports;

/// Tries the parts out.
#[derive(Clone)]
pub struct HealthService {
    checks: Vec<Arc<dyn HealthCheck>>,
    clock: Arc<dyn Clock>,
    since: Timestamp,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long the gateway has been running.
    pub uptime: Duration,
    /// When it was asked.
    pub now: Timestamp,
    /// Each part by name, with what is wrong with it, if anything.
    pub checks: Vec<(&'static str, Option<String>)>,
}

impl Health {
    /// Whether everything works.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|(_, problem)| problem.is_none())
    }
}

impl HealthService {
    /// How long a part may take before it counts as failed.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(crate) fn new(ports: &Ports) -> Self {
        Self { checks: ports.health.clone(), clock: ports.clock.clone(), since: ports.clock.now() }
    }

    /// Tries every part out, now.
    pub async fn check(&self) -> Health {
        let mut checks = Vec::with_capacity(self.checks.len());
        for part in &self.checks {
            let problem = tokio::select! {
                outcome = part.check() => outcome.err().map(|e| in_full(&e)),
                () = self.clock.sleep(Self::PATIENCE) => Some("no answer in time".to_owned()),
            };
            checks.push((part.name(), problem));
        }
        let now = self.clock.now();
        let uptime = (now - self.since).to_std().unwrap_or_default();
        Health { uptime, now, checks }
    }
}

/// An error with everything that caused it.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
