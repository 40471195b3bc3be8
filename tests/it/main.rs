//! Claims about the HTTP API, on in-memory ports.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failed set-up should fail the test"
)]

mod access;
mod base64;
mod blocks;
mod cancel;
mod connect;
mod cors;
mod create;
mod deliveries;
mod documentation;
mod envelope;
mod event_log;
mod events;
mod health;
mod lifecycle;
mod list;
mod live;
mod media;
mod metrics;
mod page;
mod proxy;
mod random_input;
mod rate_limit;
mod receivers;
mod routes;
mod s3;
mod send;
mod settings;
mod webhook;
mod webhook_test;
mod websocket;
