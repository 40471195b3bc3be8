//! Times as the columns hold them: microseconds since 1970 in UTC.

use wharf_domain::Timestamp;

use crate::error::{Error, Result};

pub(crate) fn from_time(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

pub(crate) fn to_time(micros: i64) -> Result<Timestamp> {
    Timestamp::from_timestamp_micros(micros).ok_or(Error::nonsense("time"))
}
