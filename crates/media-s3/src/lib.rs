#![doc = include_str!("../README.md")]

mod answer;
mod config;
mod failure;
mod place;
mod signing;
mod store;

pub use config::{Addressing, Config, Urls};
pub use failure::Failure;
pub use store::S3MediaStore;
