#![doc = include_str!("../README.md")]

pub mod account;
pub mod address;
pub mod call;
pub mod cors;
pub mod delivery;
pub mod error;
pub mod event;
pub mod group;
pub mod instance;
pub mod label;
pub mod media;
pub mod message;
pub mod metrics;
pub mod pairing;
pub mod ports;
pub mod proxy;
pub mod s3;
pub mod secret;
pub mod send_media;
pub mod settings;
pub mod state;
pub mod token;
pub mod webhook;
pub mod websocket;

pub use error::{Error, Resource, Result};

/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
