//! Claims about the HTTP API, on in-memory ports.

#![expect(clippy::unwrap_used, reason = "a failed set-up should fail the test")]

mod access;
mod connect;
mod create;
mod documentation;
mod envelope;
mod events;
mod health;
mod lifecycle;
mod list;
mod rate_limit;
mod routes;
mod send;
mod webhook;
