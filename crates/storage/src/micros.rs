//! Times as the columns hold them: microseconds since 1970 in UTC; lengths of time are microseconds, too.

use std::time::Duration;

use wharf_domain::Timestamp;

use crate::error::{Error, Result};

pub(crate) fn from_time(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

pub(crate) fn to_time(micros: i64) -> Result<Timestamp> {
    Timestamp::from_timestamp_micros(micros).ok_or(Error::nonsense("time"))
}

pub(crate) fn from_duration(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn to_duration(micros: i64) -> Result<Duration> {
    u64::try_from(micros).map(Duration::from_micros).map_err(|_| Error::nonsense("length of time"))
}
