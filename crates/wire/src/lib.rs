#![doc = include_str!("../README.md")]

mod base64;
pub mod call;
mod content;
pub mod delivery;
mod envelope;
pub mod event;
pub mod group;
pub mod instance;
pub mod label;
pub mod message;
pub mod metrics;
pub mod party;
pub mod sent;
mod test;
mod time;
mod vcard;
pub mod webhook;

pub use base64::Base64;
pub use envelope::{
    CallUpdateEvent, GroupFlowEvent, InstanceStateEvent, LabelUpdateEvent, MessageExchangeEvent,
    MessageStatusEvent, envelope,
};
pub use test::{TestEvent, TestView, test_envelope};
pub use time::rfc3339;
