//! The sink against a real receiver on loopback.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod deliveries;
mod media;
mod receiver;
mod refusals;
mod scene;
