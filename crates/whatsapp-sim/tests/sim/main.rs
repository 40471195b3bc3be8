//! The simulator with real clients.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod account;
mod addressing;
mod admin;
mod admin_groups;
mod admin_media;
mod call_endings;
mod calls;
mod client;
mod contacts;
mod faults;
mod group_changes;
mod group_requests;
mod groups;
mod history;
mod many;
mod media;
mod offline;
mod pairing;
mod peers;
mod picture;
mod presence;
mod receipts;
mod status;
mod text;
