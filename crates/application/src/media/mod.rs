//! Received media: into buckets, along with events, and to whoever asks for it.

mod copies;
mod jobs;
mod key;
mod loads;
mod reader;
mod room;
mod service;

use std::time::Duration;

pub(crate) use copies::{Copied, Copies};
pub(crate) use jobs::MediaWorker;
pub(crate) use key::ending_of;
pub(crate) use reader::Reader;
pub(crate) use room::{Room, Seat};
pub use service::{MediaFile, MediaService};
use wharf_domain::Error;

/// How much media may be taken on.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// How many bytes a file may have that goes out as base64.
    pub base64_max: u64,
    /// How many bytes a file may have that is sent.
    pub send_max: u64,
    /// How many bytes a file may have that is brought into a bucket.
    pub receive_max: u64,
    /// How many bytes of media may be in memory at once, half of them to be sent; what is more waits. Half as many again may
    /// wait for readers of WebSockets.
    pub memory: u64,
    /// How long deliveries may be held for the media of their event.
    pub hold: Duration,
    /// How many files are brought into buckets at once.
    pub workers: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            base64_max: 16 << 20,
            send_max: 64 << 20,
            receive_max: 2 << 30,
            memory: 128 << 20,
            hold: Duration::from_secs(30),
            workers: 8,
        }
    }
}

/// Why a piece of media cannot be had, as its receivers are told: with the cause, at most a line.
fn in_words(error: &Error) -> String {
    let words = match error {
        Error::NotFound(_) => "WhatsApp keeps the media no more".to_owned(),
        Error::NotConnected => "the instance is not connected to WhatsApp".to_owned(),
        Error::NotAcknowledged => "it took too long".to_owned(),
        Error::Invalid { field, reason } => format!("{field} {reason}"),
        Error::Unavailable { what, source } => format!("{what} failed: {source}"),
        other => other.to_string(),
    };
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
