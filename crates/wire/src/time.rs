use chrono::{SecondsFormat, SubsecRound};
use wharf_domain::Timestamp;

/// A moment as callers read it: RFC 3339 in UTC with `Z`, milliseconds only where there are any.
#[must_use]
pub fn rfc3339(moment: Timestamp) -> String {
    moment.trunc_subsecs(3).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_as_short_as_they_can_be() {
        let at = |nanos| Timestamp::from_timestamp(1_790_000_000, nanos).unwrap();
        assert_eq!(rfc3339(at(0)), "2026-09-21T14:13:20Z");
        assert_eq!(rfc3339(at(120_999_999)), "2026-09-21T14:13:20.120Z");
    }
}
