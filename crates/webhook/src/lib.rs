#![doc = include_str!("../README.md")]

mod signature;
mod sink;
mod target;
mod verdict;

pub use signature::sign;
pub use sink::WebhookSink;
