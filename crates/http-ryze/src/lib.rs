#![doc = include_str!("../README.md")]

mod access;
mod api;
mod body;
mod chat;
mod config;
mod cors;
mod deliveries;
mod error;
mod gate;
mod health;
mod instance;
mod live;
mod log;
mod message;
mod openapi;
mod page;
mod paging;
mod peer;
mod qr;
mod query;
mod rate_limit;
mod routes;
mod unknown;
mod webhook;
mod websocket;
mod wording;

pub use api::Api;
pub use config::{Config, UrlCheck};
pub use openapi::openapi;
pub use peer::{InvalidNetwork, Network};
