#![doc = include_str!("../README.md")]

mod config;
mod data_dir_lock;
mod database;
mod error;
mod job;
mod numbered;
mod open;
mod schema;
mod server_lock;
mod statement_size;
#[cfg(feature = "testing")]
pub mod testing;
mod together;
mod writer;

pub use config::{Config, Observed, Observer, WriteObserver, Written};
pub use data_dir_lock::DataDirLock;
pub use database::Database;
pub use error::Error;
pub use numbered::numbered;
pub use server_lock::ServerLock;
pub use statement_size::{kept_length, rows_per_statement};
pub use together::{Together, Work};

/// What the database answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
