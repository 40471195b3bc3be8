//! The first version's shapes.

mod address;
mod call;
pub(crate) mod configuration;
pub(super) mod event;
mod group;
mod label;
pub(super) mod message;
mod state;

use wharf_domain::{Error, Result, Timestamp};

fn time(micros: i64) -> Result<Timestamp> {
    Timestamp::from_timestamp_micros(micros).ok_or(Error::invalid("timestamp", "is out of range"))
}
