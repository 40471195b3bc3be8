#![doc = include_str!("../README.md")]

mod base64;
mod content;
mod envelope;
pub mod event;
pub mod instance;
pub mod message;
pub mod metrics;
pub mod party;
pub mod sent;
mod test;
mod time;
mod vcard;
pub mod webhook;

pub use base64::Base64;
pub use envelope::{InstanceStateEvent, MessageExchangeEvent, MessageStatusEvent, envelope};
pub use test::{TestEvent, test_envelope};
pub use time::rfc3339;
