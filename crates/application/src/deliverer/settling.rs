//! Writes what became of deliveries.

use tokio::sync::mpsc;
use wharf_domain::{
    Result,
    delivery::{DeliveryId, Settlement},
};

use super::{STORE_PAUSE, Shared};

/// As many as are written in one step.
const AT_ONCE: usize = 512;

/// What a lane hands to the settler.
pub(super) enum Settled {
    As(DeliveryId, Settlement),
    GivenBack(Vec<DeliveryId>),
}

/// What lanes handed over and is not written yet.
pub(super) struct Desk {
    incoming: mpsc::Receiver<Settled>,
    settlements: Vec<(DeliveryId, Settlement)>,
    given_back: Vec<DeliveryId>,
}

impl Desk {
    pub(super) fn new(incoming: mpsc::Receiver<Settled>) -> Self {
        Self { incoming, settlements: Vec::new(), given_back: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.settlements.is_empty() && self.given_back.is_empty()
    }

    /// Waits for something; false when nothing can come any more.
    async fn fill(&mut self) -> bool {
        let mut batch = Vec::new();
        self.incoming.recv_many(&mut batch, AT_ONCE).await;
        for settled in batch {
            match settled {
                Settled::As(id, settlement) => self.settlements.push((id, settlement)),
                Settled::GivenBack(ids) => self.given_back.extend(ids),
            }
        }
        !self.is_empty()
    }
}

/// Writes settlements, many in one step while the store is busy with the step before. What a crash keeps from being
/// written is delivered once more, under the same id. What is on the desk when this begins anew is written first: to
/// write something twice does no harm, since what is not claimed is passed over.
pub(super) async fn settle(shared: &Shared, desk: &mut Desk) {
    while !desk.is_empty() || desk.fill().await {
        insist(shared, || shared.queue.settle(&desk.settlements)).await;
        desk.settlements.clear();
        if !desk.given_back.is_empty() {
            insist(shared, || shared.queue.release(&desk.given_back)).await;
            desk.given_back.clear();
        }
        // A lane may have more to give now.
        shared.recorder.wake();
    }
}

/// Writes until it works, or the gateway has no time left to close while the store fails: then the claims are freed at the
/// next start, and what was delivered is delivered once more.
async fn insist<F: Future<Output = Result<()>>>(shared: &Shared, write: impl Fn() -> F) {
    while let Err(e) = write().await {
        tracing::error!(error = &e as &dyn std::error::Error, "could not settle deliveries");
        let pause = shared.clock.sleep(STORE_PAUSE);
        if shared.given_up.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}
