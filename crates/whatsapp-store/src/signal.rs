//! Identities, sessions and keys, one file a kind.

mod address;
mod identity;
mod prekey;
mod sender_key;
mod session;
