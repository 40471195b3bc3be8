//! Long answers, in pages, and where they begin.

use wharf_domain::{Error, Result, Timestamp, event::EventId, ports::LogStart};

/// How many there are on a page unless it is said.
const USUAL_LIMIT: usize = 100;
/// How many there are at most.
const MAX_LIMIT: usize = 500;

/// How many a caller wants on a page.
pub(crate) fn limit(raw: Option<&str>) -> Result<usize> {
    let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok(USUAL_LIMIT) };
    let limit = raw.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or(Error::invalid("limit", "must be 1 to 500"))
}

/// The id of an event.
pub(crate) fn event_id(raw: &str) -> Option<EventId> {
    raw.parse().ok().map(EventId)
}

/// The refusal of a cursor.
pub(crate) fn bad_cursor() -> Error {
    Error::invalid("cursor", "is not one that was given out")
}

/// Where in the log a caller wants to begin: after an event, or at a moment.
pub(crate) fn since(raw: &str) -> Result<LogStart> {
    let after = event_id(raw).map(LogStart::AfterEvent);
    let start = after.or_else(|| moment(raw).ok().map(LogStart::Since));
    start.ok_or(Error::invalid(
        "since",
        "must be the id of an event or an RFC 3339 time with a zone",
    ))
}

/// A moment with a zone. An offset whose `+` became a space on its way through a query is understood.
pub(crate) fn moment(raw: &str) -> Result<Timestamp> {
    let repaired =
        || raw.rsplit_once(' ').and_then(|(at, zone)| format!("{at}+{zone}").parse().ok());
    let moment = raw.parse().ok().or_else(repaired);
    moment.ok_or(Error::invalid("since", "must be an RFC 3339 time with a zone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_500_and_100_unless_it_is_said() {
        for (raw, wanted) in [(None, 100), (Some(""), 100), (Some("1"), 1), (Some("500"), 500)] {
            assert_eq!(limit(raw).unwrap(), wanted);
        }
        for refused in ["0", "501", "-1", "1.5", "ten", "99999999999999999999"] {
            assert!(limit(Some(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_moment_has_a_zone() {
        let expected = moment("2026-04-28T10:30:00Z").unwrap();
        for same in ["2026-04-28T12:30:00+02:00", "2026-04-28T12:30:00 02:00"] {
            assert_eq!(moment(same).unwrap(), expected, "{same}");
        }
        for refused in ["2026-04-28T10:30:00", "2026-04-28", "1790000000", "yesterday", ""] {
            assert!(moment(refused).is_err(), "{refused}");
        }
    }
}
