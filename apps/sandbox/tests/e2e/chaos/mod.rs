//! Bad nights: messages flow while processes are killed, receivers misbehave and databases stumble.
//!
//! The short ones run with the other tests. The long ones are run by `just chaos`, print what they saw, and take the seed
//! of their chance from `CHAOS_SEED` where it is set; it is printed, so that a night can be had again.

mod backlog;
mod cluster;
mod kills;
mod outages;
mod rough_receiver;
mod storm;
mod tally;
mod traffic;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a whole night may take.
const NIGHT: Duration = Duration::from_mins(15);

/// The seed that was asked for, or one of the clock's.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn seed() -> u64 {
    let asked = std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
    asked.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) << 20 ^ now.as_secs()
    })
}
