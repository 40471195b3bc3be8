#![doc = include_str!("../README.md")]

mod app_sync_store;
mod backend;
mod carrier;
mod device_store;
mod error;
mod factory;
mod key_text;
mod known_addresses;
mod msg_secret_store;
mod pending;
mod protocol;
mod protocol_store;
mod reseal;
mod sealing;
mod signal;
mod signal_store;
mod statement;
mod writes;

pub use backend::SqlBackend;
pub use error::Error;
pub use factory::StoreFactory;
