//! The arrows between crates, held.
