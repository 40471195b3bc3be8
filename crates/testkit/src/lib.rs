#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failed set-up should panic")]
#![expect(clippy::missing_panics_doc, reason = "a clause panics when it does not hold")]

mod buckets;
pub mod build;
mod clock;
pub mod contract;
mod files;
mod media_tools;
mod memory;
mod random;
mod sink;
mod stores;
mod whatsapp;

pub use buckets::{InMemoryMediaStore, Kept};
pub use clock::ManualClock;
pub use files::InMemoryFiles;
pub use media_tools::SimpleMediaTools;
pub use memory::InMemoryStore;
pub use random::SequenceRandom;
pub use sink::{Probed, Recorded, RecordingSink};
pub use stores::Stores;
pub use whatsapp::{InMemorySession, InMemoryWhatsApp, MarkedRead};
