//! What a phone does and knows: its keys, its companions, what its owner sees.
//!
//! The parts are pure: they hold no lock and open no socket.

pub mod link;
pub mod signal;
