//! What becomes of the events of a session.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use wharf_domain::{
    Result, Timestamp,
    call::CallUpdate,
    event::{EventBody, EventKey, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{ChatKind, Message, MessageId},
    ports::{HistoryBatch, Inbound, IncomingCall, SessionEvent, SessionObserver},
    settings::Settings,
};

use super::{Shared, automation::Outlet, live::LiveSettings};
use crate::recorder::{Record, patiently};

/// Records what happens, and hands what concerns the link to the supervisor.
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
        let is_proof = matches!(
            receipt.kind,
            ReceiptKind::Delivered
                | ReceiptKind::Read
                | ReceiptKind::Played
                | ReceiptKind::Inactive
        );
        // The receipt of a message whose acknowledgement nobody waited for any more settles it.
        let settled =
            if is_proof { self.unacknowledged(&receipt.message_ids).await? } else { Vec::new() };
        let records = settled.into_iter().map(sent_record);
        let receipt = Record { key: Some(key), body: EventBody::Receipt(receipt), raw: None };
        self.insist(records.chain([receipt]).collect()).await
    }

    async fn on_late_ack(
        &self,
        id: &MessageId,
        timestamp: Option<Timestamp>,
        refused: Option<u16>,
    ) -> Result<()> {
        let Shared { messages, clock, .. } = &*self.shared;
        if let Some(code) = refused {
            return patiently(&**clock, || messages.fail(self.instance, id, Some(code))).await;
        }
        let mut settled = self.unacknowledged(std::slice::from_ref(id)).await?;
        for message in &mut settled {
            message.timestamp = timestamp.unwrap_or(message.timestamp);
        }
        if settled.is_empty() {
            return Ok(());
        }
        self.insist(settled.into_iter().map(sent_record).collect()).await
    }

    async fn on_call(
        &self,
        key: EventKey,
        update: CallUpdate,
        ringing: Option<IncomingCall>,
    ) -> Result<()> {
        // As they are when it rings, however long it takes to keep it.
        let rejected = ringing.filter(|_| self.settings.now().auto_reject_calls);
        self.insist(vec![Record { key: Some(key), body: EventBody::Call(update), raw: None }])
            .await?;
        // Nothing is answered before it is kept.
        if let Some(call) = rejected {
            self.automation.rings(call);
        }
        Ok(())
    }

    /// Records what WhatsApp does not deliver again.
    async fn insist(&self, records: Vec<Record>) -> Result<()> {
        self.shared.recorder.insist(self.instance, records).await
    }

    async fn unacknowledged(&self, ids: &[MessageId]) -> Result<Vec<Message>> {
        let Shared { messages, clock, .. } = &*self.shared;
        patiently(&**clock, || messages.unacknowledged(self.instance, ids)).await
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
            SessionEvent::Call { key, update, ringing } => self.on_call(key, update, ringing).await,
            SessionEvent::Group { key, change } => {
                let body = EventBody::Group(change);
                self.insist(vec![Record { key: Some(key), body, raw: None }]).await
            }
            SessionEvent::Label { key, change } => {
                let body = EventBody::Label(change);
                self.insist(vec![Record { key: Some(key), body, raw: None }]).await
            }
            link => {
                // The supervisor is gone only when the instance is, and then nobody wants to know.
                let _ = self.link.send(link);
                Ok(())
            }
        }
    }

    async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>> {
        let stored = self.shared.messages.find(self.instance, id).await?;
        Ok(stored.and_then(|stored| stored.raw))
    }
}
