use std::time::Duration;

use wacore::types::events::{ConnectFailureReason, Event, TempBanReason};
use wharf_domain::ports::SessionEnd;

/// The end an event of the library speaks of, if it does.
pub(crate) fn spoken_of(event: &Event) -> Option<SessionEnd> {
    Some(match event {
        Event::StreamReplaced(_) => SessionEnd::Replaced,
        Event::ClientOutdated(_) => SessionEnd::Outdated,
        Event::PairingQrCodesExhausted(exhausted) if exhausted.disconnected => {
            SessionEnd::PairingExpired
        }
        Event::LoggedOut(out) => {
            let words = out.logout_message.as_ref().and_then(|message| message.header.clone());
            match out.reason {
                ConnectFailureReason::AccountLocked => SessionEnd::Banned {
                    code: code(out.reason),
                    reason: words.unwrap_or_else(|| "the account is locked".to_owned()),
                },
                reason if out.on_connect => SessionEnd::LoggedOut(
                    words.unwrap_or_else(|| format!("the login was refused: {}", code(reason))),
                ),
                _ => SessionEnd::LoggedOut(
                    words.unwrap_or_else(|| "the device was unlinked".to_owned()),
                ),
            }
        }
        Event::TemporaryBan(ban) => SessionEnd::TempBanned {
            code: ban_code(&ban.code),
            expires_in: ban.expire.to_std().unwrap_or(Duration::ZERO),
        },
        Event::ConnectFailure(failure) => {
            let code = code(failure.reason);
            let reason = failure.message.clone().unwrap_or_else(|| in_words(failure.reason).into());
            SessionEnd::LoginRefused { code, reason }
        }
        _ => return None,
    })
}

/// The end that a code of `<stream:error>` means. `None` for those the library speaks of, or handles.
pub(crate) fn of_stream_error(code: &str) -> Option<SessionEnd> {
    matches!(code, "429" | "503").then(|| SessionEnd::StreamError(code.to_owned()))
}

fn code(reason: ConnectFailureReason) -> u16 {
    u16::try_from(reason.code()).unwrap_or(0)
}

fn ban_code(reason: &TempBanReason) -> u16 {
    u16::try_from(reason.code()).unwrap_or(0)
}

fn in_words(reason: ConnectFailureReason) -> &'static str {
    match reason {
        ConnectFailureReason::Generic => "bad request",
        ConnectFailureReason::TempBanned => "banned for a while",
        ConnectFailureReason::BadUserAgent => "bad user agent",
        ConnectFailureReason::CatExpired => "client authentication token expired",
        ConnectFailureReason::CatInvalid => "client authentication token invalid",
        ConnectFailureReason::NotFound => "not found",
        ConnectFailureReason::ClientUnknown => "client unknown",
        ConnectFailureReason::InternalServerError => "internal server error",
        ConnectFailureReason::Experimental => "experimental",
        ConnectFailureReason::ServiceUnavailable => "service unavailable",
        ConnectFailureReason::Unknown(429) => "too many logins",
        _ => "no reason given",
    }
}

#[cfg(test)]
mod tests {
    use wacore::types::events::{
        ConnectFailure, LoggedOut, PairingQrCodesExhausted, StreamReplaced, TemporaryBan,
    };

    use super::*;

    fn logged_out(on_connect: bool, reason: ConnectFailureReason) -> Event {
        Event::LoggedOut(LoggedOut::builder().on_connect(on_connect).reason(reason).build())
    }

    fn refused(code: i32) -> Event {
        Event::ConnectFailure(ConnectFailure::builder().reason(code.into()).build())
    }

    #[test]
    fn every_end_has_its_meaning() {
        let banned = SessionEnd::Banned { code: 403, reason: "the account is locked".to_owned() };
        let refusal =
            |code, reason: &str| SessionEnd::LoginRefused { code, reason: reason.to_owned() };
        let table = [
            (Event::StreamReplaced(StreamReplaced::builder().build()), SessionEnd::Replaced),
            (
                logged_out(true, ConnectFailureReason::LoggedOut),
                SessionEnd::LoggedOut("the login was refused: 401".to_owned()),
            ),
            (
                logged_out(true, ConnectFailureReason::UnknownLogout),
                SessionEnd::LoggedOut("the login was refused: 406".to_owned()),
            ),
            (
                logged_out(false, ConnectFailureReason::LoggedOut),
                SessionEnd::LoggedOut("the device was unlinked".to_owned()),
            ),
            (logged_out(true, ConnectFailureReason::AccountLocked), banned),
            (refused(503), refusal(503, "service unavailable")),
            (refused(429), refusal(429, "too many logins")),
            (
                Event::PairingQrCodesExhausted(
                    PairingQrCodesExhausted::builder().disconnected(true).build(),
                ),
                SessionEnd::PairingExpired,
            ),
            (
                Event::TemporaryBan(
                    TemporaryBan::builder()
                        .code(TempBanReason::BlockedByUsers)
                        .expire(chrono::Duration::minutes(2))
                        .build(),
                ),
                SessionEnd::TempBanned { code: 102, expires_in: Duration::from_mins(2) },
            ),
        ];
        for (event, end) in table {
            assert_eq!(spoken_of(&event), Some(end), "{event:?}");
        }
    }

    #[test]
    fn the_reconnect_that_belongs_to_a_pairing_is_no_end() {
        assert_eq!(of_stream_error("515"), None);
        assert_eq!(of_stream_error("503"), Some(SessionEnd::StreamError("503".to_owned())));
    }
}
