use std::time::Duration;

use chrono::DateTime;
use wharf_domain::Timestamp;
use wharf_domain::delivery::Outcome;
use wharf_net::StatusCode;
use wharf_net::header::{HeaderMap, RETRY_AFTER};

/// The longest pause a receiver can ask for. A mistake in a header must not silence it for days.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What an answer means for the delivery.
pub(crate) fn of_answer(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Outcome {
    let reason = format!("the receiver answered with status {}", status.as_u16());
    match status {
        _ if status.is_success() => Outcome::Delivered,
        // By the Standard Webhooks scheme a receiver says so that it wants no more.
        StatusCode::GONE => Outcome::Gone { reason },
        // It has read the event, or as much as it wants of it, and does not take it.
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused { reason },
        _ if status.is_redirection() => {
            let reason = format!("{reason}, and redirects are not followed");
            Outcome::Retry { reason, after: pause(headers, now) }
        }
        // Also 4xx: most often the receiver is being deployed or configured.
        _ => Outcome::Retry { reason, after: pause(headers, now) },
    }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let asked = if is_number {
        // More digits than fit are a long time, too.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = DateTime::parse_from_rfc2822(value).ok()?;
        // A date in the past asks for nothing.
        date.signed_duration_since(now).to_std().ok()?
    };
    Some(asked.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use wharf_net::header::HeaderValue;

    use super::*;

    fn verdict(status: u16, retry_after: Option<&'static str>) -> Outcome {
        let now = DateTime::parse_from_rfc3339("2026-01-01T12:00:00Z").unwrap().to_utc();
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        of_answer(StatusCode::from_u16(status).unwrap(), &headers, now)
    }

    fn pause_after(status: u16, retry_after: &'static str) -> Option<u64> {
        match verdict(status, Some(retry_after)) {
            Outcome::Retry { after, .. } => after.map(|pause| pause.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_2xx_is_delivered() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(verdict(status, None), Outcome::Delivered, "{status}");
        }
    }

    #[test]
    fn gone_ends_it_a_refusal_is_about_the_event_and_everything_else_is_tried_again() {
        let reason = "the receiver answered with status 410".to_owned();
        assert_eq!(verdict(410, None), Outcome::Gone { reason });
        for status in [400, 413, 422] {
            let reason = format!("the receiver answered with status {status}");
            assert_eq!(verdict(status, Some("120")), Outcome::Refused { reason });
        }
        for status in [301, 307, 401, 403, 404, 408, 429, 500, 502, 503, 504] {
            let outcome = verdict(status, None);
            assert!(matches!(outcome, Outcome::Retry { after: None, .. }), "{status}: {outcome:?}");
        }
    }

    #[test]
    fn a_named_pause_is_honoured_within_bounds() {
        assert_eq!(pause_after(503, "120"), Some(120));
        assert_eq!(pause_after(429, " 7 "), Some(7));
        assert_eq!(pause_after(429, "0"), Some(0));
        assert_eq!(pause_after(429, "86400"), Some(3600));
        assert_eq!(pause_after(429, "99999999999999999999999"), Some(3600));
        assert_eq!(pause_after(503, "Thu, 01 Jan 2026 12:10:00 GMT"), Some(600));
        assert_eq!(pause_after(503, "Fri, 02 Jan 2026 12:00:00 GMT"), Some(3600));
        assert_eq!(pause_after(503, "Thu, 01 Jan 2026 11:00:00 GMT"), None);
        for nonsense in ["soon", "-5", "1.5", ""] {
            assert_eq!(pause_after(503, nonsense), None, "{nonsense}");
        }
        // Whatever it is that keeps the receiver from taking it.
        for status in [307, 404, 500] {
            assert_eq!(pause_after(status, "120"), Some(120), "{status}");
        }
    }
}
