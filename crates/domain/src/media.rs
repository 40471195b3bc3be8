//! Media on its way: in from WhatsApp to a bucket or a sink, out from a caller to WhatsApp.

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::{
    Result, Timestamp,
    event::EventId,
    instance::InstanceId,
    message::{MediaKind, Message},
};

/// Decrypted media as it is read, piece by piece. An error ends it.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Decrypted media of known size.
pub struct MediaBody {
    /// How many bytes there are in all.
    pub size: u64,
    /// The bytes.
    pub bytes: ByteStream,
}

impl MediaBody {
    /// A body that is in memory already.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        Self { size: bytes.len() as u64, bytes: stream::iter([Ok(bytes)]).boxed() }
    }

    /// Reads all of it into memory. Whoever calls has looked at the size.
    pub async fn read(mut self) -> Result<Bytes> {
        let mut all = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        while let Some(piece) = self.bytes.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.into())
    }
}

impl std::fmt::Debug for MediaBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaBody").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Where a piece of media is kept in a bucket. It stays true when the instance's configuration changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The server's URL; `None` is AWS.
    pub endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The key in it.
    pub key: String,
}

/// The work of bringing the media of one recorded message into its instance's bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaJob {
    /// The event that tells of the message; the job goes by its id.
    pub event: EventId,
    /// Whose.
    pub instance: InstanceId,
    /// The message.
    pub message: Message,
    /// The same in the WhatsApp adapter's own encoding, which names the place and the key of the media.
    pub raw: Bytes,
    /// How often it was tried before.
    pub attempts: u32,
    /// When the event was recorded.
    pub recorded_at: Timestamp,
}

/// What becomes of a claimed media job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSettlement {
    /// The bucket has it. Deliveries that waited for it go out now.
    Stored(StoredObject),
    /// Try again at `due`. Deliveries wait no longer than they do anyway.
    Retry {
        /// When.
        due: Timestamp,
        /// Why it failed, without secrets.
        reason: String,
    },
    /// It will never be there. Deliveries that waited for it go out now.
    Failed {
        /// Why, without secrets.
        reason: String,
    },
}

/// What is known of the media of a message that was to go to a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaProgress {
    /// Not there yet; with the last failure, if there was one.
    Waiting(Option<String>),
    /// There.
    Stored(StoredObject),
    /// Given up, and why.
    Failed(String),
}

/// Media a caller wants sent, looked at and made ready.
#[derive(Clone, Debug)]
pub struct OutgoingMedia {
    /// What it is.
    pub kind: MediaKind,
    /// The media itself.
    pub bytes: Bytes,
    /// Its type.
    pub mime_type: String,
    /// The name shown on a document's card.
    pub file_name: Option<String>,
    /// The text under it.
    pub caption: Option<String>,
    /// What was found out about it.
    pub facts: MediaFacts,
}

/// What can be seen in a piece of media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaFacts {
    /// Width and height in pixels.
    pub dimensions: Option<(u32, u32)>,
    /// A small JPEG of it.
    pub thumbnail: Option<Bytes>,
    /// Its length in whole seconds.
    pub duration: Option<u32>,
    /// The loudness of a voice note: 64 values from 0 to 100.
    pub waveform: Option<Vec<u8>>,
}

/// Media as a caller hands it in: the bytes, or where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// The bytes themselves, from base64 or a data URL.
    Bytes(Bytes),
    /// An http or https URL to fetch it from; judged by the egress guard when it is dialled.
    Url(url::Url),
}

/// A file fetched from a caller's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedMedia {
    /// The file.
    pub bytes: Bytes,
    /// The type the server gave it.
    pub mime_type: Option<String>,
    /// The name the server or the URL's path gives it.
    pub file_name: Option<String>,
}
