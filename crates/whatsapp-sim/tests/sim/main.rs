//! The simulator with real clients.

mod admin;
mod client;
mod faults;
mod pairing;
mod text;
