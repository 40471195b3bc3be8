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
mod hidden;
mod history;
mod labels;
mod many;
mod media;
mod newsletters;
mod offline;
mod pairing;
mod peers;
mod people;
mod picture;
mod presence;
mod receipt_kinds;
mod receipts;
mod sayings;
mod status;
mod text;
