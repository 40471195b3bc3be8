#![doc = include_str!("../README.md")]

mod counted;
mod labels;
mod process;
mod reading;

pub use counted::PrometheusMeter;
pub use reading::Reading;

/// The type of [`PrometheusMeter::text`], for whoever serves it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What every measure of ours begins with.
const PREFIX: &str = "wharf";
