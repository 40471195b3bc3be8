#![doc = include_str!("../README.md")]

mod acks;
mod adapter;
mod afoot;
mod calls;
mod config;
mod convert;
mod driver;
mod ending;
mod events;
mod failure;
mod file;
mod groups;
mod history;
mod hook;
mod http;
mod liveness;
mod lookup;
mod origins;
mod proxy;
mod queue;
mod raw;
mod session;
mod stores;
mod tasks;
mod teller;
mod transport;

pub use adapter::WhatsAppAdapter;
pub use config::{Config, Liveness};
pub use stores::{Backend, SessionStores};
