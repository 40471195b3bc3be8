use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot;
use wacore::types::events::InboundMessage;
use whatsapp_rust::{Client, InboundDurabilityHook, anyhow};

use crate::{
    afoot::Afoot,
    queue::{Entry, Inbound, Queue},
    tasks::Tasks,
};

/// Lets the library acknowledge messages only after the observer has taken them.
pub(crate) struct TakeFirst {
    pub(crate) queue: Arc<Queue>,
    pub(crate) tasks: Tasks,
    pub(crate) afoot: Arc<Afoot>,
}

#[async_trait]
impl InboundDurabilityHook for TakeFirst {
    // The library holds locks of the sender's session meanwhile, so the client must not be called from here.
    async fn on_messages(&self, _: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        // The library calls this when it has put them down.
        self.afoot.put_down(batch);
        let (taken, answer) = oneshot::channel();
        self.queue.push(Entry::Inbound(Inbound { messages: batch.to_vec(), taken: Some(taken) }));
        match answer.await {
            Ok(true) => {
                self.tasks.note_acknowledging();
                Ok(())
            }
            _ => anyhow::bail!("the messages were not taken"),
        }
    }
}
