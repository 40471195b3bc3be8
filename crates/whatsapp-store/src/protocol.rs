//! What the protocol remembers beside keys, one file a kind.

mod base_key;
mod device_list;
mod group_metadata;
mod lid_mapping;
mod pending_inbound;
mod sender_key_device;
mod sent_message;
mod tc_token;
mod tc_token_cache;

pub(crate) use pending_inbound::pending_row;
pub(crate) use tc_token_cache::TcTokenCache;
