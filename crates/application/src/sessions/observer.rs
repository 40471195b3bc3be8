//! What becomes of the events of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::mpsc;
use wharf_domain::{
    Result,
    event::{EventBody, EventKey, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{Direction, Message, MessageId, MessageStatus},
    ports::{Inbound, SessionEvent, SessionObserver},
};

use super::Shared;
use crate::recorder::Record;

/// Records messages and receipts, and hands what concerns the link to the supervisor.
pub(super) struct Observer {
    shared: Arc<Shared>,
    instance: InstanceId,
    // Unbounded, so that a session can always tell its end while the supervisor waits for exactly that. What passes
    // are changes of the link, a handful a connection.
    link: mpsc::UnboundedSender<SessionEvent>,
}

impl Observer {
    /// How often an event WhatsApp will not deliver again is tried to be recorded while the store fails.
    const TRIES: u32 = 6;

    pub(super) fn new(
        shared: Arc<Shared>,
        instance: InstanceId,
        link: mpsc::UnboundedSender<SessionEvent>,
    ) -> Self {
        Self { shared, instance, link }
    }

    async fn on_receipt(&self, key: EventKey, receipt: Receipt) {
        let mut records = Vec::new();
        if matches!(
            receipt.kind,
            ReceiptKind::Delivered
                | ReceiptKind::Read
                | ReceiptKind::Played
                | ReceiptKind::Inactive
        ) {
            for id in &receipt.message_ids {
                records.extend(self.unsettled(id).await);
            }
        }
        records.push(Record { key: Some(key), body: EventBody::Receipt(receipt), raw: None });
        self.record(records).await;
    }

    async fn on_late_ack(&self, id: &MessageId, refused: Option<u16>) {
        if let Some(code) = refused {
            let failed = self.shared.messages.fail(self.instance, id, Some(code)).await;
            if let Err(e) = failed {
                tracing::error!(error = &e as &dyn std::error::Error, "could not note a refusal");
            }
        } else if let Some(record) = self.unsettled(id).await {
            self.record(vec![record]).await;
        }
    }

    /// The event that settles a message whose acknowledgement nobody waited for any more.
    async fn unsettled(&self, id: &MessageId) -> Option<Record> {
        let stored = match self.shared.messages.find(self.instance, id).await {
            Ok(stored) => stored?,
            Err(e) => {
                tracing::error!(
                    error = &e as &dyn std::error::Error,
                    "could not look up a message"
                );
                return None;
            }
        };
        let waits = stored.message.direction == Direction::Outgoing
            && matches!(stored.status, MessageStatus::Pending | MessageStatus::Failed);
        waits.then(|| sent_record(stored.message))
    }

    async fn record(&self, records: Vec<Record>) {
        let mut pause = Duration::from_millis(100);
        for left in (0..Self::TRIES).rev() {
            match self.shared.recorder.record(self.instance, records.clone()).await {
                Ok(_) => return,
                Err(e) => {
                    tracing::error!(error = &e as &dyn std::error::Error, left, "could not record");
                }
            }
            if left > 0 {
                self.shared.clock.sleep(pause).await;
                pause *= 3;
            }
        }
    }
}

/// The event that tells of a message we sent, once WhatsApp has it.
pub(crate) fn sent_record(message: Message) -> Record {
    Record {
        key: Some(EventKey(format!("sent|{}", message.id))),
        body: EventBody::Message(Box::new(message)),
        raw: None,
    }
}

#[async_trait]
impl SessionObserver for Observer {
    async fn on_inbound(&self, messages: Vec<Inbound>) -> Result<()> {
        let records = messages
            .into_iter()
            .map(|inbound| Record {
                key: Some(inbound.key),
                body: EventBody::Message(Box::new(inbound.message)),
                raw: Some(inbound.raw),
            })
            .collect();
        self.shared.recorder.record(self.instance, records).await.map(drop)
    }

    async fn on_event(&self, event: SessionEvent) {
        match event {
            SessionEvent::Receipt { key, receipt } => self.on_receipt(key, receipt).await,
            SessionEvent::LateAck { id, refused, .. } => self.on_late_ack(&id, refused).await,
            // The supervisor is gone only when the instance is, and then nobody wants to know.
            link => drop(self.link.send(link)),
        }
    }
}
