//! The tools on files made here, and the fetcher against servers on loopback.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod fetching;
mod files;
mod pictures;
mod sounds;
mod stickers;
