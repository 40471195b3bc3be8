//! A fault as it is asked for over HTTP.

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serializer};

use super::{Fault, Limit, NewFault, Target};

/// The longest pause that can be asked for: a day.
const LONGEST_PAUSE_MS: u64 = 24 * 60 * 60 * 1000;
/// The longest temporary ban: a year.
const LONGEST_BAN_SECONDS: u64 = 365 * 24 * 60 * 60;
/// "You sent too many messages to people who do not have you in their address books": the code
/// when no other is given.
const DEFAULT_BAN_CODE: u16 = 101;
/// The reasons WhatsApp gives (`TempBanReason` of whatsapp-rust).
const BAN_CODES: [u16; 5] = [101, 102, 103, 104, 106];

/// Why a fault was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFault(String);

/// The body of a request for a fault.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRequest {
    number: Option<String>,
    all: Option<bool>,
    fault: String,
    ms: Option<u64>,
    code: Option<u16>,
    seconds: Option<u64>,
    message_id: Option<String>,
    count: Option<u64>,
    until: Option<String>,
}

impl FaultRequest {
    /// Checks the request. `now` is in milliseconds since 1970.
    ///
    /// What happens once (`drop`, `refuse`, …) does so once unless the request says otherwise; what
    /// is a state (`ban`, `hold-acks`, …) lasts until it is cleared.
    pub fn check(mut self, now: u64) -> Result<NewFault, InvalidFault> {
        let target = match (self.number.take(), self.all) {
            (Some(number), None | Some(false)) => Target::Number(number),
            (None, Some(true)) => Target::All,
            _ => return Err(invalid("give either `number` or `\"all\": true`")),
        };
        let (fault, usual) = self.fault(now)?;
        let limit = match (self.count.take(), self.until.take()) {
            (None, None) => usual,
            (Some(0), None) => return Err(invalid("`count` must be at least 1")),
            (Some(count), None) => Limit::Count(count),
            (None, Some(until)) => {
                let until = parse_rfc3339(&until)?;
                if until <= now {
                    return Err(invalid("`until` is over already"));
                }
                Limit::Until(until)
            }
            (Some(_), Some(_)) => return Err(invalid("give either `count` or `until`")),
        };
        self.is_used_up()?;
        Ok(NewFault { target, fault, limit })
    }

    fn fault(&mut self, now: u64) -> Result<(Fault, Limit), InvalidFault> {
        let once = Limit::Count(1);
        Ok(match self.fault.as_str() {
            "drop" => (Fault::Drop, once),
            "stall" => (Fault::Stall { ms: self.pause()? }, once),
            "delay-ack" => (Fault::DelayAck { ms: self.pause()? }, once),
            "hold-acks" => (Fault::HoldAcks, Limit::Cleared),
            "refuse" => (Fault::Refuse { code: self.reason()? }, once),
            "redeliver" => {
                let message_id = self.message_id.take().filter(|id| !id.is_empty());
                let message_id = message_id.ok_or_else(|| invalid("give `messageId`"))?;
                (Fault::Redeliver { message_id }, once)
            }
            "replace" => (Fault::Replace, once),
            "unlink" => (Fault::Unlink, once),
            "temp-ban" => {
                let seconds = self.seconds.take().filter(|s| (1..=LONGEST_BAN_SECONDS).contains(s));
                let seconds =
                    seconds.ok_or_else(|| invalid("`seconds` must be from 1 to a year's"))?;
                let code = self.code.take().unwrap_or(DEFAULT_BAN_CODE);
                if !BAN_CODES.contains(&code) {
                    return Err(invalid("`code` must be from 101 to 104, or 106"));
                }
                (Fault::TempBan { code, seconds }, Limit::Until(now + seconds * 1000))
            }
            "ban" => (Fault::Ban, Limit::Cleared),
            "outdated" => (Fault::Outdated, Limit::Cleared),
            "fail-login" => (Fault::FailLogin { code: self.reason()? }, once),
            "stream-error" => (Fault::StreamError { code: self.reason()? }, once),
            "downgrade" => (Fault::Downgrade, once),
            "spoil-pairing" => (Fault::SpoilPairing, once),
            "forbid-pairing" => (Fault::ForbidPairing, Limit::Cleared),
            "throttle-codes" => (Fault::ThrottleCodes, Limit::Cleared),
            "expire-media" => (Fault::ExpireMedia, Limit::Cleared),
            "media-down" => (Fault::MediaDown, Limit::Cleared),
            unknown => return Err(InvalidFault(format!("there is no fault `{unknown}`"))),
        })
    }

    fn reason(&mut self) -> Result<u16, InvalidFault> {
        let code = self.code.take().filter(|code| (400..600).contains(code));
        code.ok_or_else(|| invalid("`code` must be from 400 to 599"))
    }

    fn pause(&mut self) -> Result<u64, InvalidFault> {
        let pause = self.ms.take().filter(|ms| (1..=LONGEST_PAUSE_MS).contains(ms));
        pause.ok_or_else(|| invalid("`ms` must be from 1 to a day's"))
    }

    /// A parameter that the fault does not have is a mistake.
    fn is_used_up(&self) -> Result<(), InvalidFault> {
        let left = [
            ("ms", self.ms.is_some()),
            ("code", self.code.is_some()),
            ("seconds", self.seconds.is_some()),
            ("messageId", self.message_id.is_some()),
        ];
        match left.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((name, _)) => {
                Err(InvalidFault(format!("the fault `{}` has no `{name}`", self.fault)))
            }
        }
    }
}

fn invalid(reason: &str) -> InvalidFault {
    InvalidFault(reason.to_owned())
}

fn parse_rfc3339(text: &str) -> Result<u64, InvalidFault> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .and_then(|time| u64::try_from(time.timestamp_millis()).ok())
        .ok_or_else(|| invalid("`until` must be an RFC 3339 time"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn as_rfc3339<S: Serializer>(ms: &u64, to: S) -> Result<S::Ok, S::Error> {
    let time = i64::try_from(*ms).ok().and_then(DateTime::from_timestamp_millis);
    let time = time.ok_or_else(|| serde::ser::Error::custom("the time is out of range"))?;
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
