//! What time it is: the simulator is a program of its own, and its clock is the machine's.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the crate's one reading of the wall clock")]
pub(crate) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, as stanzas carry them.
pub(crate) fn seconds() -> u64 {
    milliseconds() / 1000
}

/// Milliseconds since 1970, as protobufs carry them.
pub(crate) fn signed_milliseconds() -> i64 {
    i64::try_from(milliseconds()).unwrap_or(i64::MAX)
}

/// A reading for measuring with.
pub(crate) fn instant() -> Instant {
    Instant::now()
}
