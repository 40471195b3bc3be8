//! What is looked up when the measures are asked for.

use std::{fmt, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::text,
    metrics::gauge::{ConstGauge, Gauge},
    registry::{Registry, Unit},
};
use wharf_domain::{
    Timestamp,
    delivery::{DeliveryState, Depth},
    state::ConnectionState,
};

use crate::{PREFIX, labels::By, process};

type Seconds = Gauge<f64, AtomicU64>;

/// How things stand, as far as it could be found out.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When it was taken.
    pub at: Timestamp,
    /// How many instances are in which state; `None` when that could not be found out.
    pub sessions: Option<Vec<(ConnectionState, u64)>>,
    /// How much waits; `None` when that could not be found out.
    pub depths: Option<Vec<Depth>>,
}

impl Reading {
    /// A reading of which nothing is known but the time.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, sessions: None, depths: None }
    }

    /// A measure of which nothing is known is left out rather than told as it was, and the store counts as away.
    pub(crate) fn encode(&self, started: Timestamp, text: &mut String) -> fmt::Result {
        let mut registry = Registry::default();
        process::register(&mut registry, started);
        let ours = registry.sub_registry_with_prefix(PREFIX);
        let uptime = (self.at - started).to_std().unwrap_or_default();
        ours.register_with_unit(
            "uptime",
            "How long the process has been running",
            Unit::Seconds,
            ConstGauge::new(uptime.as_secs_f64()),
        );
        let is_known = self.sessions.is_some() && self.depths.is_some();
        ours.register(
            "store_up",
            "Whether the database answered when these figures were last looked up",
            ConstGauge::new(u64::from(is_known)),
        );
        if let Some(sessions) = &self.sessions {
            ours.register("sessions", "Instances by the state of their link", by_state(sessions));
        }
        if let Some(depths) = &self.depths {
            let (counts, ages) = by_age(depths, self.at);
            ours.register("deliveries", "Deliveries that are not done, by state", counts);
            ours.register_with_unit(
                "deliveries_oldest",
                "How long ago the oldest event among them was recorded",
                Unit::Seconds,
                ages,
            );
        }
        text::encode_registry(text, &registry)
    }
}

fn by_state(sessions: &[(ConnectionState, u64)]) -> By<1, Gauge> {
    let gauges = By::default();
    for state in ConnectionState::ALL {
        let count = sessions.iter().filter(|(its, _)| *its == state).map(|(_, count)| count).sum();
        set(&gauges.get_or_create(&[("state", state.as_str())]), count);
    }
    gauges
}

fn by_age(depths: &[Depth], now: Timestamp) -> (By<1, Gauge>, By<1, Seconds>) {
    let (counts, ages) = (By::default(), By::<1, Seconds>::default());
    for state in [DeliveryState::Pending, DeliveryState::Dead, DeliveryState::Held] {
        let label = [("state", state.as_str())];
        let depth = depths.iter().find(|depth| depth.state == state);
        set(&counts.get_or_create(&label), depth.map_or(0, |depth| depth.count));
        let oldest = depth.and_then(|depth| depth.oldest);
        let age = oldest.and_then(|oldest| (now - oldest).to_std().ok()).unwrap_or_default();
        ages.get_or_create(&label).set(age.as_secs_f64());
    }
    (counts, ages)
}

fn set(gauge: &Gauge, count: u64) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}
