#![doc = include_str!("../README.md")]

pub mod cli;
mod config;
mod database;
mod door;
mod ending;
mod gateway;
pub mod huge_pages;
mod logs;
mod master_key;
mod measures;
pub mod offline;
mod peers;
mod rotation;
mod session_stores;
mod settings;
mod system;
mod wiring;

pub use config::{Config, Deliveries, Keep, LogFormat};
pub use gateway::{Gateway, LogInstead, Surroundings};
pub use settings::{ENV_PREFIX, Settings};
