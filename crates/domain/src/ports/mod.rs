//! The needs of the use cases, each a trait that adapters fulfil.

mod account_store;
mod clock;
mod delivery_ledger;
mod delivery_queue;
mod event_log;
mod event_sink;
mod health;
mod instance_store;
mod media;
mod message_store;
mod meter;
mod page_access;
mod random;
mod webhook_store;
mod whatsapp;

pub use account_store::AccountStore;
pub use clock::Clock;
pub use delivery_ledger::{DeliveryFilter, DeliveryLedger, Requeued};
pub use delivery_queue::{DeliveryQueue, ReceiverId, Room, Seats};
pub use event_log::{Appended, EventLog, EventRetention, LogStart, Pruned, Queued, QueuedDelivery};
pub use event_sink::EventSink;
pub use health::HealthCheck;
pub use instance_store::{InstanceChange, InstanceStore};
pub use media::{MediaFetcher, MediaJobs, MediaStore, MediaTools};
pub use message_store::{HistoricMessage, MessageStore, OutgoingDraft, Reservation};
pub use meter::{Meter, NoMeter};
pub use page_access::{PageAccess, PageTicket};
pub use random::Random;
pub use webhook_store::WebhookStore;
pub use whatsapp::{
    History, HistoryBatch, Inbound, IncomingCall, Outgoing, PreparedMedia, Session, SessionEnd,
    SessionEvent, SessionObserver, SessionRequest, WhatsApp,
};
