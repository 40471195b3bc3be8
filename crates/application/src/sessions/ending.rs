//! What the end of a session means for its instance.

use std::time::Duration;

use wharf_domain::{
    Timestamp,
    ports::SessionEnd,
    state::{Standing, StateChange},
};

/// What follows from the end of a session.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// What the sinks are told, if anything.
    pub(super) change: Option<StateChange>,
    /// What the instance's standing becomes, if it changes.
    pub(super) standing: Option<Standing>,
    /// Why there is no connection, in words.
    pub(super) problem: String,
    /// When to connect again.
    pub(super) next: After,
}

/// When to connect again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Only when somebody asks.
    Rest,
    /// After a pause, if there are keys to connect with.
    Pause,
    /// At that time.
    At(Timestamp),
}

/// Judges the end of a session that ended `now`; `was_connected` says whether it had got that far.
pub(super) fn judge(end: SessionEnd, was_connected: bool, now: Timestamp) -> Verdict {
    let (change, standing, problem, next) = match end {
        SessionEnd::LoggedOut(reason) => (
            Some(StateChange::LoggedOut { reason: reason.clone() }),
            Some(Standing::LoggedOut),
            reason,
            After::Rest,
        ),
        SessionEnd::Replaced => (
            Some(StateChange::StreamReplaced),
            None,
            "another connection took over with the same keys".to_owned(),
            // Connecting again would throw the other one out, and the two would take turns for ever.
            After::Rest,
        ),
        SessionEnd::TempBanned { code, expires_in } => {
            let until = after(now, expires_in);
            (
                Some(StateChange::TempBanned { code, until }),
                Some(Standing::Banned { until: Some(until) }),
                format!("banned until {} (code {code})", until.format("%Y-%m-%dT%H:%M:%SZ")),
                After::At(until),
            )
        }
        SessionEnd::Banned { code, reason } => {
            let problem = refused_login(code, &reason);
            let change = StateChange::ConnectFailure { code, reason };
            (Some(change), Some(Standing::Banned { until: None }), problem, After::Rest)
        }
        SessionEnd::Outdated => (
            Some(StateChange::ClientOutdated),
            None,
            "WhatsApp refuses this version of the client (405)".to_owned(),
            After::Rest,
        ),
        SessionEnd::PairingExpired => {
            let reason = "no phone scanned the code in time".to_owned();
            (Some(StateChange::PairError { reason: reason.clone() }), None, reason, After::Rest)
        }
        SessionEnd::LoginRefused { code, reason } => {
            let problem = refused_login(code, &reason);
            let change = match code {
                413 | 414 => StateChange::CatRefreshError { code },
                _ => StateChange::ConnectFailure { code, reason },
            };
            (Some(change), None, problem, After::Pause)
        }
        SessionEnd::StreamError(code) => {
            let problem = format!("WhatsApp ended the stream ({code})");
            (Some(StateChange::StreamError { code }), None, problem, After::Pause)
        }
        SessionEnd::Unreachable(reason)
        | SessionEnd::Lost(reason)
        | SessionEnd::StoreFailed(reason) => (
            // An attempt that came to nothing changes nothing.
            was_connected.then(|| StateChange::Disconnected { reason: reason.clone() }),
            None,
            reason,
            After::Pause,
        ),
        SessionEnd::Stopped => (None, None, "the session was stopped".to_owned(), After::Pause),
        other => (None, None, format!("the session ended: {other:?}"), After::Pause),
    };
    Verdict { change, standing, problem, next }
}

/// `pause` after `now`; no server's word puts that off by more than ten years.
fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now + pause.min(Duration::from_hours(10 * 365 * 24))
}

fn refused_login(code: u16, reason: &str) -> String {
    if reason.is_empty() {
        format!("WhatsApp refused the login ({code})")
    } else {
        format!("WhatsApp refused the login ({code}): {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(end: SessionEnd) -> (Option<&'static str>, Option<Standing>, After) {
        let verdict = judge(end, true, Timestamp::UNIX_EPOCH);
        (verdict.change.map(|change| change.as_str()), verdict.standing, verdict.next)
    }

    #[test]
    fn each_end_has_its_event_its_standing_and_what_comes_next() {
        let ban_end = Timestamp::UNIX_EPOCH + Duration::from_hours(1);
        let text = String::new;
        let ban = SessionEnd::TempBanned { code: 101, expires_in: Duration::from_hours(1) };
        let refused = |code| SessionEnd::LoginRefused { code, reason: text() };
        let banned = |until| Some(Standing::Banned { until });
        for (end, change, standing, next) in [
            (SessionEnd::LoggedOut(text()), "logged_out", Some(Standing::LoggedOut), After::Rest),
            (SessionEnd::Replaced, "stream_replaced", None, After::Rest),
            (ban, "temp_banned", banned(Some(ban_end)), After::At(ban_end)),
            (
                SessionEnd::Banned { code: 403, reason: text() },
                "connect_failure",
                banned(None),
                After::Rest,
            ),
            (SessionEnd::Outdated, "client_outdated", None, After::Rest),
            (SessionEnd::PairingExpired, "pair_error", None, After::Rest),
            (refused(413), "cat_refresh_error", None, After::Pause),
            (refused(503), "connect_failure", None, After::Pause),
            (SessionEnd::StreamError("503".into()), "stream_error", None, After::Pause),
            (SessionEnd::Lost(text()), "disconnected", None, After::Pause),
            (SessionEnd::StoreFailed(text()), "disconnected", None, After::Pause),
        ] {
            assert_eq!(judged(end.clone()), (Some(change), standing, next), "{end:?}");
        }
        assert_eq!(judged(SessionEnd::Stopped), (None, None, After::Pause));
    }

    #[test]
    fn an_attempt_that_came_to_nothing_is_no_event() {
        let end = SessionEnd::Unreachable("refused".to_owned());
        assert_eq!(judge(end, false, Timestamp::UNIX_EPOCH).change, None);
    }
}
