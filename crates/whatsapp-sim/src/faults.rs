#![doc = include_str!("../FAULTS.md")]
//!
//! A fault strikes at fixed [`Point`]s, where the server asks for it, or as soon as it is added.
//! Striking all connected clients at once counts as once.

mod request;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

pub use request::{FaultRequest, InvalidFault};

use crate::clock;

/// What shall go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Fault {
    /// The connection breaks.
    Drop,
    /// The connection neither takes nor gives anything for a while.
    Stall {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// A message is acknowledged late.
    DelayAck {
        /// How late, in milliseconds.
        ms: u64,
    },
    /// Messages are delivered, but never acknowledged.
    HoldAcks,
    /// A message is refused.
    Refuse {
        /// The acknowledgement's error: 463, 429, …
        code: u16,
    },
    /// A message the client has, or had, in its queue is delivered again.
    Redeliver {
        /// The message's id.
        message_id: String,
    },
    /// The connection ends as if the device had connected elsewhere.
    Replace,
    /// The account's companions are unlinked.
    Unlink,
    /// Logins are refused for some time (402).
    TempBan {
        /// The reason's code: 101 to 104 or 106.
        code: u16,
        /// For how long.
        seconds: u64,
    },
    /// Logins are refused for good (403).
    Ban,
    /// Logins are refused because the client is too old (405).
    Outdated,
    /// Logins are refused for any other reason.
    FailLogin {
        /// The reason: 413, 414, 503, …
        code: u16,
    },
    /// The connection ends with an error of the stream.
    StreamError {
        /// Its code: 429, 500, 503, 516, …
        code: u16,
    },
    /// The phone scans codes, but is too old to link companions; they are told so.
    Downgrade,
    /// The phone's consent to a companion is spoilt on its way: the client refuses to be linked.
    SpoilPairing,
    /// No companion can be linked.
    ForbidPairing,
    /// No pairing code is given out (429).
    ThrottleCodes,
    /// The media host has none of the files any more (404).
    ExpireMedia,
    /// The media host drops connections.
    MediaDown,
}

/// Whom a fault concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The account of this phone number.
    Number(String),
    /// Everybody.
    #[serde(serialize_with = "as_true")]
    All,
}

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// It strikes this many times more.
    Count(u64),
    /// It strikes until then, in milliseconds since 1970.
    #[serde(serialize_with = "request::as_rfc3339")]
    Until(u64),
    /// It strikes until it is cleared.
    #[serde(skip)]
    Cleared,
}

/// A fault that has been asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewFault {
    /// Whom it concerns.
    #[serde(flatten)]
    pub target: Target,
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// How long it lasts.
    #[serde(flatten, skip_serializing_if = "Limit::is_open")]
    pub limit: Limit,
}

/// A fault that is waiting to strike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveFault {
    /// Its number.
    pub id: u64,
    /// What it is, with what is left of its limit.
    #[serde(flatten)]
    pub fault: NewFault,
}

/// Where the server asks whether something shall go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A linked device logs in.
    Login,
    /// A linked device has logged in.
    LoggedIn,
    /// A client has sent a message.
    Message,
    /// A companion is about to be linked.
    Pairing,
    /// The phone's consent is about to be told to the companion.
    Offer,
    /// A client asks for a pairing code.
    Code,
    /// A client asks something of the media host.
    Media,
}

/// What the server shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Break the connection.
    Drop,
    /// Leave the connection alone for a while.
    Stall(Duration),
    /// Acknowledge the message after a while.
    DelayAck(Duration),
    /// Do not acknowledge the message.
    HoldAck,
    /// Refuse the message.
    Refuse(u16),
    /// Deliver the stanza of this id again.
    Redeliver(String),
    /// End the connection as replaced.
    Replace,
    /// Unlink the account's companions.
    Unlink,
    /// Refuse the login; end a connection that is open, so that its client logs in again.
    Fail(Failure),
    /// End the connection with this code.
    EndStream(u16),
    /// Do not link.
    ForbidPairing,
    /// Do not link, and tell who waits that the phone cannot.
    Downgrade,
    /// Link with a signature that is not the phone's.
    SpoilPairing,
    /// Refuse a pairing code.
    ThrottleCodes,
    /// Have no file to download.
    ExpireMedia,
    /// Drop the connection to the media host.
    DropMedia,
}

/// A `<failure>` at login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its reason.
    pub reason: u16,
    /// The code of a temporary ban, and how many seconds are left of it.
    pub ban: Option<(u16, u64)>,
}

/// The faults that are waiting to strike.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Rules>,
    /// How many there are: looked at for every message.
    active: AtomicUsize,
}

#[derive(Default)]
struct Rules {
    last: u64,
    active: Vec<ActiveFault>,
}

impl Faults {
    /// Adds a fault. What is returned with it is to be done to every connected client it concerns,
    /// at once; `connected` says whether there is one.
    pub fn add(&self, fault: NewFault, connected: bool) -> (ActiveFault, Option<Action>) {
        let mut rules = self.lock();
        rules.last += 1;
        let mut active = ActiveFault { id: rules.last, fault };
        let now = active.fault.strikes_now(connected, clock::milliseconds());
        let added = active.clone();
        let spent = match &now {
            // It is the login that follows which the fault strikes.
            Some(Action::Fail(_)) | None => false,
            Some(_) => active.fault.spend(),
        };
        if !spent {
            rules.active.push(active);
        }
        self.active.store(rules.active.len(), Ordering::Relaxed);
        (added, now)
    }

    /// The faults that have not struck for the last time, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<ActiveFault> {
        let mut rules = self.lock();
        rules.expire(clock::milliseconds());
        rules.active.clone()
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.lock().active.clear();
        self.active.store(0, Ordering::Relaxed);
    }

    /// Whether something shall go wrong here, and what: the oldest fault that concerns it.
    pub fn decide(&self, number: &str, point: Point) -> Option<Action> {
        self.decide_if(number, point, |_| true)
    }

    /// The same, passing over what `possible` says cannot be done here: that stays.
    pub fn decide_if(
        &self,
        number: &str,
        point: Point,
        possible: impl Fn(&Action) -> bool,
    ) -> Option<Action> {
        if self.active.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.decide_at(number, point, clock::milliseconds(), possible)
    }

    fn decide_at(
        &self,
        number: &str,
        point: Point,
        now: u64,
        possible: impl Fn(&Action) -> bool,
    ) -> Option<Action> {
        let mut rules = self.lock();
        rules.expire(now);
        let (at, action) = rules.active.iter().enumerate().find_map(|(at, active)| {
            let concerned = active.fault.target.concerns(number);
            let action = concerned.then(|| active.fault.action(point, now)).flatten();
            Some((at, action.filter(&possible)?))
        })?;
        if rules.active[at].fault.spend() {
            rules.active.remove(at);
        }
        self.active.store(rules.active.len(), Ordering::Relaxed);
        Some(action)
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn expire(&mut self, now: u64) {
        self.active.retain(|active| match active.fault.limit {
            Limit::Until(until) => now < until,
            Limit::Count(_) | Limit::Cleared => true,
        });
    }
}

impl Target {
    /// Whether it includes the account of this number.
    #[must_use]
    pub fn concerns(&self, number: &str) -> bool {
        match self {
            Self::Number(own) => own == number,
            Self::All => true,
        }
    }
}

impl Limit {
    fn is_open(&self) -> bool {
        matches!(self, Self::Cleared)
    }
}

impl NewFault {
    /// What the fault does at a point.
    fn action(&self, point: Point, now: u64) -> Option<Action> {
        match (point, &self.fault) {
            (Point::Login, Fault::TempBan { code, seconds }) => {
                let left = match self.limit {
                    Limit::Until(until) => until.saturating_sub(now).div_ceil(1000),
                    Limit::Count(_) | Limit::Cleared => *seconds,
                };
                Some(Action::Fail(Failure { reason: 402, ban: Some((*code, left)) }))
            }
            (Point::Login, Fault::Ban) => Some(Action::Fail(Failure { reason: 403, ban: None })),
            (Point::Login, Fault::Outdated) => {
                Some(Action::Fail(Failure { reason: 405, ban: None }))
            }
            (Point::Login, Fault::FailLogin { code }) => {
                Some(Action::Fail(Failure { reason: *code, ban: None }))
            }
            (Point::LoggedIn, Fault::Drop) => Some(Action::Drop),
            (Point::LoggedIn, Fault::StreamError { code }) => Some(Action::EndStream(*code)),
            (Point::LoggedIn, Fault::Stall { ms }) => {
                Some(Action::Stall(Duration::from_millis(*ms)))
            }
            (Point::LoggedIn, Fault::Unlink) => Some(Action::Unlink),
            (Point::LoggedIn, Fault::Replace) => Some(Action::Replace),
            (Point::LoggedIn, Fault::Redeliver { message_id }) => {
                Some(Action::Redeliver(message_id.clone()))
            }
            (Point::Message, Fault::DelayAck { ms }) => {
                Some(Action::DelayAck(Duration::from_millis(*ms)))
            }
            (Point::Message, Fault::HoldAcks) => Some(Action::HoldAck),
            (Point::Message, Fault::Refuse { code }) => Some(Action::Refuse(*code)),
            (Point::Pairing, Fault::ForbidPairing) => Some(Action::ForbidPairing),
            (Point::Pairing, Fault::Downgrade) => Some(Action::Downgrade),
            (Point::Offer, Fault::SpoilPairing) => Some(Action::SpoilPairing),
            (Point::Code, Fault::ThrottleCodes) => Some(Action::ThrottleCodes),
            (Point::Media, Fault::ExpireMedia) => Some(Action::ExpireMedia),
            (Point::Media, Fault::MediaDown) => Some(Action::DropMedia),
            _ => None,
        }
    }

    /// What the fault does when it is added.
    fn strikes_now(&self, connected: bool, now: u64) -> Option<Action> {
        if matches!(self.limit, Limit::Until(until) if until <= now) {
            return None;
        }
        let point = [Point::LoggedIn, Point::Login];
        let action = point.into_iter().find_map(|point| self.action(point, now));
        // Unlinking needs no connection.
        action.filter(|action| connected || *action == Action::Unlink)
    }

    /// Counts a strike and says whether it was the last one.
    fn spend(&mut self) -> bool {
        match &mut self.limit {
            Limit::Count(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            Limit::Until(_) | Limit::Cleared => false,
        }
    }
}

fn as_true<S: serde::Serializer>(to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(true)
}

#[cfg(test)]
mod tests;
