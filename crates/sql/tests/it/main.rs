//! What reading, writing, migrating and locking promise, on both databases.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod compact;
mod lock;
mod migrate;
mod observed;
mod open;
mod place;
mod server_lock;
mod sqlite_writer;
mod together;
mod write;
