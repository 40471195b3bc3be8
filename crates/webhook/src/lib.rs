#![doc = include_str!("../README.md")]

mod config;
mod signature;
mod sink;
mod target;
mod verdict;

pub use config::WebhookConfig;
pub use signature::sign;
pub use sink::WebhookSink;
