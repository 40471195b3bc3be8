//! What becomes of the events of a session.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use wharf_domain::{
    Result, Timestamp,
    event::{EventBody, EventKey, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{ChatKind, Direction, Message, MessageId, MessageStatus},
    ports::{HistoryBatch, Inbound, SessionEvent, SessionObserver},
    settings::Settings,
};

use super::{Shared, automation::Outlet, live::LiveSettings};
use crate::recorder::Record;

/// Records messages and receipts, and hands what concerns the link to the supervisor.
pub(super) struct Observer {
    pub(super) shared: Arc<Shared>,
    pub(super) instance: InstanceId,
    pub(super) settings: Arc<LiveSettings>,
    automation: Outlet,
    // Unbounded, so that a session can always tell its end while the supervisor waits for exactly that. What passes
    // are changes of the link, a handful a connection.
    link: mpsc::UnboundedSender<SessionEvent>,
}

impl Observer {
    pub(super) fn new(
        shared: Arc<Shared>,
        instance: InstanceId,
        settings: Arc<LiveSettings>,
        automation: Outlet,
        link: mpsc::UnboundedSender<SessionEvent>,
    ) -> Self {
        Self { shared, instance, settings, automation, link }
    }

    async fn on_receipt(&self, key: EventKey, receipt: Receipt) -> Result<()> {
        let mut records = Vec::new();
        if matches!(
            receipt.kind,
            ReceiptKind::Delivered
                | ReceiptKind::Read
                | ReceiptKind::Played
                | ReceiptKind::Inactive
        ) {
            for id in &receipt.message_ids {
                records.extend(self.unsettled(id, None).await?);
            }
        }
        records.push(Record { key: Some(key), body: EventBody::Receipt(receipt), raw: None });
        self.shared.recorder.record(self.instance, records).await.map(drop)
    }

    async fn on_late_ack(
        &self,
        id: &MessageId,
        timestamp: Option<Timestamp>,
        refused: Option<u16>,
    ) -> Result<()> {
        if let Some(code) = refused {
            return self.shared.messages.fail(self.instance, id, Some(code)).await;
        }
        let Some(record) = self.unsettled(id, timestamp).await? else { return Ok(()) };
        self.shared.recorder.record(self.instance, vec![record]).await.map(drop)
    }

    /// The event that settles a message whose acknowledgement nobody waited for any more.
    async fn unsettled(
        &self,
        id: &MessageId,
        timestamp: Option<Timestamp>,
    ) -> Result<Option<Record>> {
        let Some(stored) = self.shared.messages.find(self.instance, id).await? else {
            return Ok(None);
        };
        let waits = stored.message.direction == Direction::Outgoing
            && matches!(stored.status, MessageStatus::Pending | MessageStatus::Failed);
        let mut message = stored.message;
        message.timestamp = timestamp.unwrap_or(message.timestamp);
        Ok(waits.then(|| sent_record(message)))
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

/// Whether the settings let a message into log and store, whoever wrote it.
pub(super) fn is_wanted(message: &Message, settings: &Settings) -> bool {
    let is_group = message.chat.kind == ChatKind::Group;
    let is_status = message.chat.party.jid.is_status();
    !(is_group && settings.ignore_group_messages || is_status && settings.ignore_status)
}

#[async_trait]
impl SessionObserver for Observer {
    async fn on_inbound(&self, mut messages: Vec<Inbound>) -> Result<()> {
        let settings = self.settings.now();
        messages.retain(|inbound| is_wanted(&inbound.message, &settings));
        if messages.is_empty() {
            return Ok(());
        }
        let arrived: Vec<_> = if settings.auto_read_messages {
            messages.iter().map(|inbound| inbound.message.clone()).collect()
        } else {
            Vec::new()
        };
        let records = messages
            .into_iter()
            .map(|inbound| Record {
                key: Some(inbound.key),
                body: EventBody::Message(Box::new(inbound.message)),
                raw: Some(inbound.raw),
            })
            .collect();
        self.shared.recorder.record(self.instance, records).await?;
        // Nobody is told that something was read before it is kept.
        for message in &arrived {
            self.automation.arrived(message);
        }
        Ok(())
    }

    async fn on_history(&self, batch: HistoryBatch) -> Result<()> {
        self.take_in(batch).await
    }

    async fn on_event(&self, event: SessionEvent) -> Result<()> {
        match event {
            SessionEvent::Receipt { key, receipt } => self.on_receipt(key, receipt).await,
            SessionEvent::LateAck { id, timestamp, refused } => {
                self.on_late_ack(&id, timestamp, refused).await
            }
            SessionEvent::Call(call) => {
                if self.settings.now().auto_reject_calls {
                    self.automation.rings(call);
                }
                Ok(())
            }
            link => {
                // The supervisor is gone only when the instance is, and then nobody wants to know.
                let _ = self.link.send(link);
                Ok(())
            }
        }
    }
}
