//! An observer that keeps what it is told, and refuses or delays it on demand.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use wharf_domain::{
    Error, Result,
    message::{Message, MessageId},
    ports::{HistoryBatch, Inbound, SessionEnd, SessionEvent, SessionObserver},
};

/// How long anything may take. Only a broken session takes so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful a test")]
pub enum Told {
    Inbound(Inbound),
    Event(SessionEvent),
}

pub struct Recorder {
    told: Mutex<Vec<Told>>,
    refused: Mutex<Vec<Inbound>>,
    history: Mutex<Vec<HistoryBatch>>,
    count: watch::Sender<usize>,
    refuses: watch::Sender<bool>,
    holds_receipts: watch::Sender<bool>,
    is_holding: watch::Sender<bool>,
    receipts: AtomicUsize,
    holds_history: watch::Sender<bool>,
    is_holding_history: watch::Sender<bool>,
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            told: Mutex::default(),
            refused: Mutex::default(),
            history: Mutex::default(),
            count: watch::Sender::new(0),
            refuses: watch::Sender::new(false),
            holds_receipts: watch::Sender::new(false),
            is_holding: watch::Sender::new(false),
            receipts: AtomicUsize::new(0),
            holds_history: watch::Sender::new(false),
            is_holding_history: watch::Sender::new(false),
        })
    }

    /// Takes no messages and no receipts from now on.
    pub fn refuse(&self) {
        self.refuses.send_replace(true);
    }

    /// The messages it was offered and did not take.
    pub fn refused(&self) -> Vec<Inbound> {
        self.refused.lock().unwrap().clone()
    }

    /// How many receipts it was offered, taken or not.
    pub fn receipts(&self) -> usize {
        self.receipts.load(Ordering::SeqCst)
    }

    /// Does not get on with the next receipt until it is let go.
    pub fn hold_receipts(&self, hold: bool) {
        self.holds_receipts.send_replace(hold);
    }

    /// Waits until it holds a receipt.
    pub async fn holding(&self) {
        let mut holding = self.is_holding.subscribe();
        let held = tokio::time::timeout(PATIENCE, holding.wait_for(|holding| *holding)).await;
        assert!(held.is_ok(), "no receipt to hold");
    }

    /// Does not get on with the past until it is let go.
    pub fn hold_history(&self, hold: bool) {
        self.holds_history.send_replace(hold);
    }

    /// Waits until it holds a piece of the past.
    pub async fn holding_history(&self) {
        let mut holding = self.is_holding_history.subscribe();
        let held = tokio::time::timeout(PATIENCE, holding.wait_for(|holding| *holding)).await;
        assert!(held.is_ok(), "no past to hold");
    }

    /// What it was told of the past.
    pub fn history(&self) -> Vec<HistoryBatch> {
        self.history.lock().unwrap().clone()
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    pub fn count(&self, like: impl Fn(&Told) -> bool) -> usize {
        self.told().iter().filter(|told| like(told)).count()
    }

    pub fn ends(&self) -> Vec<SessionEnd> {
        self.told()
            .into_iter()
            .filter_map(|told| match told {
                Told::Event(SessionEvent::Ended(end)) => Some(end),
                _ => None,
            })
            .collect()
    }

    /// Waits until it has been told something that `wanted` makes something of.
    pub async fn wait_for<T>(&self, what: &str, wanted: impl Fn(&Told) -> Option<T>) -> T {
        let mut count = self.count.subscribe();
        let found = async {
            loop {
                if let Some(found) = self.told.lock().unwrap().iter().find_map(&wanted) {
                    return found;
                }
                count.changed().await.unwrap();
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, found).await else {
            panic!("no {what}: {:#?}", self.told());
        };
        found
    }

    pub async fn event<T>(&self, what: &str, wanted: impl Fn(&SessionEvent) -> Option<T>) -> T {
        self.wait_for(what, |told| match told {
            Told::Event(event) => wanted(event),
            Told::Inbound(_) => None,
        })
        .await
    }

    pub async fn message(&self, text: &str) -> Message {
        self.wait_for(text, |told| match told {
            Told::Inbound(inbound) if inbound.message.content.text() == text => {
                Some(inbound.message.clone())
            }
            _ => None,
        })
        .await
    }

    pub async fn end(&self) -> SessionEnd {
        self.event("end", |event| match event {
            SessionEvent::Ended(end) => Some(end.clone()),
            _ => None,
        })
        .await
    }

    fn record(&self, told: Told) {
        let mut all = self.told.lock().unwrap();
        all.push(told);
        self.count.send_replace(all.len());
    }
}

#[async_trait]
impl SessionObserver for Recorder {
    async fn on_inbound(&self, messages: Vec<Inbound>) -> Result<()> {
        if *self.refuses.borrow() {
            self.refused.lock().unwrap().extend(messages);
            return Err(Error::unavailable("the log", "as planned"));
        }
        for inbound in messages {
            self.record(Told::Inbound(inbound));
        }
        Ok(())
    }

    async fn on_event(&self, event: SessionEvent) -> Result<()> {
        let is_receipt = matches!(event, SessionEvent::Receipt { .. });
        if is_receipt && *self.holds_receipts.borrow() {
            self.is_holding.send_replace(true);
            let _ = self.holds_receipts.subscribe().wait_for(|hold| !hold).await;
        }
        if is_receipt {
            self.receipts.fetch_add(1, Ordering::SeqCst);
            if *self.refuses.borrow() {
                return Err(Error::unavailable("the log", "as planned"));
            }
        }
        self.record(Told::Event(event));
        Ok(())
    }

    async fn on_history(&self, batch: HistoryBatch) -> Result<()> {
        if *self.holds_history.borrow() {
            self.is_holding_history.send_replace(true);
            let _ = self.holds_history.subscribe().wait_for(|hold| !hold).await;
        }
        self.history.lock().unwrap().push(batch);
        Ok(())
    }

    /// What it has taken is what it has stored.
    async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>> {
        Ok(self.told.lock().unwrap().iter().find_map(|told| match told {
            Told::Inbound(inbound) if inbound.message.id == *id => Some(inbound.raw.clone()),
            _ => None,
        }))
    }
}
