//! The store against a real S3 server in this process, over HTTP on loopback, with authentication.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod contract;
mod failures;
mod scene;
mod server;
mod urls;
