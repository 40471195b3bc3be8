#![doc = include_str!("../README.md")]

pub mod cli;
mod config;
mod database;
mod gateway;
pub mod huge_pages;
mod master_key;
pub mod offline;
mod rotation;
mod session_stores;
mod settings;
mod system;

pub use config::Config;
pub use gateway::{Gateway, Surroundings};
pub use settings::{ENV_PREFIX, Settings};
