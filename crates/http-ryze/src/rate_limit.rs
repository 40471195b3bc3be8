//! How many requests a minute each caller may make.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use wharf_domain::{Timestamp, account::AccountId, instance::InstanceId, token::Principal};

use crate::{config::Config, peer};

const MINUTE: i64 = 60;
/// How many addresses are told apart within a minute; the rest share one window, so that memory stays bounded.
const ADDRESSES: usize = 50_000;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// All who use the token of an account.
    Account(AccountId),
    /// All who use the token of an instance.
    Instance(InstanceId),
    /// All at one address without a known token.
    Address(IpAddr),
    /// Addresses that are not told apart.
    Others,
}

impl Counted {
    pub(crate) fn of(principal: Option<Principal>, address: Option<IpAddr>) -> Self {
        match (principal, address) {
            (Some(Principal::Account(account)), _) => Self::Account(account),
            (Some(Principal::Instance { instance, .. }), _) => Self::Instance(instance),
            (None, Some(address)) => Self::Address(peer::subscriber(address)),
            (None, None) => Self::Others,
        }
    }
}

/// What a request learns when it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) allowed: bool,
    limit: u32,
    remaining: u32,
    reset: i64,
}

impl Count {
    /// Tells the caller where it stands.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
        const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
        const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset));
    }
}

/// The two limits of the contract.
pub(crate) struct RateLimits {
    global: Option<Windows>,
    create: Option<Windows>,
}

impl RateLimits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            global: Windows::new(config.rate_limit),
            create: Windows::new(config.rate_limit_create),
        }
    }

    /// Counts a request. A creation counts in both limits and is told of its own, unless the other one refuses it.
    pub(crate) fn count(&self, who: Counted, creates: bool, now: Timestamp) -> Option<Count> {
        let global = self.global.as_ref().map(|windows| windows.count(who, now));
        if !creates || global.is_some_and(|count| !count.allowed) {
            return global;
        }
        self.create.as_ref().map(|windows| windows.count(who, now)).or(global)
    }
}

/// Windows of one minute that begin with a caller's first request.
struct Windows {
    limit: u32,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    windows: HashMap<Counted, Window>,
    addresses: usize,
    sweep_at: i64,
}

struct Window {
    since: i64,
    used: u32,
}

impl Window {
    // A clock that was set back ends a window too: otherwise it could stay open for long.
    fn is_over(&self, now: i64) -> bool {
        now >= self.since + MINUTE || now < self.since
    }
}

impl Windows {
    fn new(limit: u32) -> Option<Self> {
        (limit > 0).then(|| Self { limit, open: Mutex::default() })
    }

    fn count(&self, who: Counted, now: Timestamp) -> Count {
        let now = now.timestamp();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.sweep(now);
        let window = open.window(who, now);
        let allowed = window.used < self.limit;
        if allowed {
            window.used += 1;
        }
        Count {
            allowed,
            limit: self.limit,
            remaining: self.limit - window.used,
            reset: window.since + MINUTE,
        }
    }
}

impl Open {
    fn sweep(&mut self, now: i64) {
        if now >= self.sweep_at || now < self.sweep_at - MINUTE {
            self.windows.retain(|_, window| !window.is_over(now));
            self.addresses =
                self.windows.keys().filter(|key| matches!(key, Counted::Address(_))).count();
            self.sweep_at = now + MINUTE;
        }
    }

    fn window(&mut self, who: Counted, now: i64) -> &mut Window {
        let is_new_address = matches!(who, Counted::Address(_)) && !self.windows.contains_key(&who);
        let crowded = is_new_address && self.addresses >= ADDRESSES;
        self.addresses += usize::from(is_new_address && !crowded);
        let key = if crowded { Counted::Others } else { who };
        let window = self.windows.entry(key).or_insert(Window { since: now, used: 0 });
        if window.is_over(now) {
            *window = Window { since: now, used: 0 };
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ANA: Counted = Counted::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const RUI: Counted = Counted::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn limits(rate_limit: u32, rate_limit_create: u32) -> RateLimits {
        RateLimits::new(&Config { rate_limit, rate_limit_create, ..Config::default() })
    }

    #[test]
    fn a_window_lasts_a_minute_from_the_first_request() {
        let limits = limits(2, 0);
        let count = |who, second| limits.count(who, false, at(second)).unwrap();
        let reset = at(70).timestamp();
        assert_eq!(count(ANA, 10), Count { allowed: true, limit: 2, remaining: 1, reset });
        assert_eq!(count(ANA, 69), Count { allowed: true, limit: 2, remaining: 0, reset });
        assert_eq!(count(ANA, 69), Count { allowed: false, limit: 2, remaining: 0, reset });
        assert!(count(RUI, 69).allowed);
        assert!(count(ANA, 70).allowed);
    }

    #[test]
    fn a_creation_counts_in_both_limits() {
        let limits = limits(3, 1);
        let count = |creates| limits.count(ANA, creates, at(0)).unwrap();
        assert_eq!((count(true).limit, count(true).allowed), (1, false));
        assert!(count(false).allowed);
        assert!(!count(false).allowed);
        assert_eq!(count(true).limit, 3);
    }

    #[test]
    fn a_limit_of_nought_is_off() {
        assert_eq!(limits(0, 0).count(ANA, true, at(0)), None);
        assert_eq!(limits(5, 0).count(ANA, true, at(0)).unwrap().limit, 5);
        assert_eq!(limits(0, 5).count(ANA, false, at(0)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let limits = limits(1, 0);
        assert!(limits.count(ANA, false, at(1000)).unwrap().allowed);
        assert!(limits.count(ANA, false, at(0)).unwrap().allowed);
    }

    #[test]
    fn many_addresses_share_a_window_rather_than_memory() {
        let windows = Windows::new(1).unwrap();
        for address in 0..u32::try_from(ADDRESSES).unwrap() + 2 {
            windows.count(Counted::Address(Ipv4Addr::from_bits(address).into()), at(0));
        }
        assert_eq!(windows.open.lock().unwrap().windows.len(), ADDRESSES + 1);
        assert!(!windows.count(ANA, at(1)).allowed);
        assert!(windows.count(ANA, at(61)).allowed);
        assert_eq!(windows.open.lock().unwrap().windows.len(), 1);
    }
}
