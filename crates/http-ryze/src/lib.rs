#![doc = include_str!("../README.md")]

mod access;
mod api;
mod body;
mod config;
mod error;
mod gate;
mod health;
mod instance;
mod message;
mod openapi;
mod peer;
mod qr;
mod query;
mod rate_limit;
mod unknown;
mod webhook;
mod wording;

pub use api::Api;
pub use config::Config;
pub use openapi::openapi;
pub use peer::{InvalidNetwork, Network};
