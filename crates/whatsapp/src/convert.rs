//! Library types in, domain types out, and the other way for what is sent. Nothing here does I/O or knows a client.

mod address;
mod call;
mod content;
mod context;
mod group;
mod history;
mod key;
mod label;
mod media;
mod message;
mod pairing;
mod receipt;
mod sealed;
mod text;
mod wrapping;

pub(crate) use address::{Aliases, from_library, registered, to_library};
pub(crate) use call::{addresses_of_call, call, declined, ringing};
pub(crate) use context::Quoted;
pub(crate) use group::{GroupFacts, addresses_of_group, group, group_facts, pairs_of_group};
pub(crate) use history::{Names, STATUS, historic, said_in};
pub(crate) use label::{label, labeled};
pub(crate) use media::{Uploaded, downloadable, encode_media, media_type};
pub(crate) use message::{addresses, inbound, pairs};
pub(crate) use pairing::pairing;
pub(crate) use receipt::{addresses_of_receipt, receipt};
pub(crate) use sealed::{Opened, open, opened_with};
pub(crate) use text::encode_text;
