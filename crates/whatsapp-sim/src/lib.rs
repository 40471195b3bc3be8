#![doc = include_str!("../README.md")]

mod admin;
mod base64_bytes;
mod clock;
mod envelope;
mod error;
pub mod faults;
mod groups;
mod handset;
mod hub;
mod media;
mod newsletter;
pub mod noise;
mod pairing;
mod peers;
pub mod phone;
mod prekeys;
mod room;
mod server;
mod session;
mod simulator;
mod stanza;
mod state;
mod stats;
pub mod tls;
mod topology;

pub use error::{Error, Result};
pub use groups::Joined;
pub use peers::{Peer, PeerKind};
pub use phone::calls::{CallAct, CallState, ShownCall};
pub use phone::history::{HistoryOffer, PastMessage};
pub use phone::inbox::{Receipt, ShownMessage};
pub use phone::media::{MediaError, MediaKind, NewMedia, ShownMedia};
pub use phone::saying::{Card, Manner, Saying};
pub use simulator::{
    Builder, DeviceView, Doing, GroupView, MemberView, Phone, Simulator, Statistics, Telling,
};
pub use state::device::Presence;
pub use state::groups::{GroupChange, MemberAddMode, Role};
