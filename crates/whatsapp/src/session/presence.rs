use std::{sync::Arc, time::Duration};

use whatsapp_rust::{Client, NodeFilter};

use super::Core;

/// How long the library may take to announce a new name.
const ANNOUNCEMENT: Duration = Duration::from_secs(10);
/// How far an announcement is let ahead, since the library tells of it just before it is written.
const HEAD_START: Duration = Duration::from_millis(250);

impl Core {
    /// Lets the phone go on notifying its owner: while a linked device is available, it stays silent.
    pub(crate) fn stay_unavailable(&self, client: Arc<Client>) {
        self.tasks.run(async move {
            // Fails while the account's name is not known, and then nothing has been announced either.
            if let Err(e) = client.presence().set_unavailable().await {
                tracing::debug!(error = %e, "could not become unavailable");
            }
        });
    }

    /// The same after a change of the name, which the library announces as available.
    pub(crate) fn stay_unavailable_after_renaming(self: &Arc<Self>, client: Arc<Client>) {
        let available = NodeFilter::tag("presence").attr("type", "available");
        let announced = client.wait_for_sent_node(available);
        let core = self.clone();
        self.tasks.run(async move {
            tokio::select! {
                _ = announced => {}
                () = core.clock.sleep(ANNOUNCEMENT) => return,
            }
            core.clock.sleep(HEAD_START).await;
            core.stay_unavailable(client);
        });
    }
}
