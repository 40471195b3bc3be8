//! Clients and dialers against real sockets on loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up should panic")]

mod authority;
mod clients;
mod dialer;
mod egress;
mod names;
mod proxies;
mod proxy;
mod servers;
mod uploads;
