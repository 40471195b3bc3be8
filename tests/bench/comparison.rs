//! Rates and latencies of two ways of doing the same, and how they compare.

use std::time::Duration;

use crate::{samples::Samples, table::row};

/// What was measured, what it is compared with, and their names.
pub(crate) type Pair<'a> = (&'a str, &'a Samples, &'a str, &'a Samples);

/// Both rates of each pair, and the first in proportion to the second.
pub(crate) fn rows(pairs: &[Pair<'_>]) -> Vec<Vec<String>> {
    let mut rows = vec![row(["", "messages/s", "p50", "p99"])];
    for (whole, ours, other, theirs) in pairs {
        for (name, samples) in [(whole, ours), (other, theirs)] {
            let [p50, p99] = [50, 99].map(|percent| milliseconds(samples.percentile(percent)));
            rows.push(row([name, &format!("{:.0}", samples.rate()), &p50, &p99]));
        }
        rows.push(row(["  ratio", &format!("{:.2}", ours.rate() / theirs.rate())]));
    }
    rows
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
