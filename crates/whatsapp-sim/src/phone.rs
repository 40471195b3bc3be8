//! What a phone does and knows: its keys, its companions, what its owner sees.
//!
//! The parts are pure: they hold no lock and open no socket.

pub mod app_state;
pub mod calls;
mod content;
pub mod history;
pub mod inbox;
pub mod link;
pub mod media;
pub mod saying;
pub mod signal;
