//! What the storage ports promise, on both databases, and what only a database can be asked.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod at_once;
mod at_rest;
mod contracts;
mod home;
mod keyring;
mod large_queue;
mod reseal;
mod restart;
mod secrets;
