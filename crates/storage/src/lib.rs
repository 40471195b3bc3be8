#![doc = include_str!("../README.md")]

mod account_store;
mod delivery_ledger;
mod delivery_queue;
mod encoding;
mod error;
mod event_log;
mod figures;
mod health;
mod instance_row;
mod instance_store;
mod keyrings;
mod locks;
mod media_jobs;
mod message_kinds;
mod message_row;
mod message_store;
mod micros;
mod page_access;
mod reseal;
mod sealing;
mod statement;
mod webhook_row;
mod webhook_store;

pub use account_store::SeaOrmAccountStore;
pub use delivery_ledger::SeaOrmDeliveryLedger;
pub use delivery_queue::SeaOrmDeliveryQueue;
pub use event_log::SeaOrmEventLog;
pub use health::DatabaseHealth;
pub use instance_store::SeaOrmInstanceStore;
pub use keyrings::{KeyringError, Keyrings};
pub use media_jobs::SeaOrmMediaJobs;
pub use message_store::SeaOrmMessageStore;
pub use page_access::SeaOrmPageAccess;
pub use reseal::Reseal;
pub use webhook_store::SeaOrmWebhookStore;
