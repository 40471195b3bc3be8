#![doc = include_str!("../README.md")]

mod content;
mod envelope;
pub mod event;
pub mod instance;
pub mod message;
pub mod party;
pub mod sent;
mod time;
mod vcard;
pub mod webhook;

pub use envelope::envelope;
pub use time::rfc3339;
