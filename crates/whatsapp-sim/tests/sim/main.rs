//! The simulator with real clients.

mod account;
mod addressing;
mod admin;
mod client;
mod contacts;
mod faults;
mod many;
mod offline;
mod pairing;
mod receipts;
mod text;
