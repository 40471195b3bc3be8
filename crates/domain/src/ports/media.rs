use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use crate::{
    Result, Timestamp,
    event::EventId,
    instance::InstanceId,
    media::{
        FetchedMedia, MediaBody, MediaFacts, MediaJob, MediaProgress, MediaSettlement, StoredObject,
    },
    message::{MediaKind, MessageId},
    s3::S3Config,
};

/// Keeps media in buckets of the instances' own.
///
/// An implementation is right when it passes `wharf_testkit::media_store_contract!`.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Puts an object, replacing the one of that key. It is there as a whole or not at all; nobody gets access to it
    /// by that.
    ///
    /// Fails with `Unavailable` whose words name the cause (refused credentials, no such bucket, unreachable) and hold
    /// no secret.
    async fn put(
        &self,
        bucket: &S3Config,
        key: &str,
        content_type: &str,
        body: MediaBody,
    ) -> Result<()>;

    /// Reads an object. Not finding it is an answer. Fails with `Invalid` when it is larger than `limit` bytes.
    async fn get(&self, bucket: &S3Config, key: &str, limit: u64) -> Result<Option<MediaBody>>;

    /// A URL that whoever has it can read the object by: for seven days from `now`, or for as long as the bucket is
    /// open to all where the deployment prefers plain URLs. Nothing is asked of the server.
    ///
    /// Fails with `Invalid` for what was put elsewhere and would have to be signed for: the keys are not for that.
    fn url(&self, bucket: &S3Config, object: &StoredObject, now: Timestamp) -> Result<String>;
}

/// The jobs of bringing received media into buckets. `EventLog::append` makes them.
///
/// An implementation is right when it passes `wharf_testkit::media_jobs_contract!`.
#[async_trait]
pub trait MediaJobs: Send + Sync {
    /// Claims jobs that are due, oldest first, each for nobody else until it is settled. At no time are more than
    /// `share` jobs of one instance claimed: those of others behind them are given instead.
    async fn claim(&self, now: Timestamp, limit: usize, share: usize) -> Result<Vec<MediaJob>>;

    /// Settles a claimed job in one step with what it means for the event's deliveries: once it is stored or failed,
    /// those that were held for it are due at `now`. One that is not there any more is passed over.
    async fn settle(
        &self,
        event: EventId,
        settlement: &MediaSettlement,
        now: Timestamp,
    ) -> Result<()>;

    /// Makes the unclaimed jobs of an instance due at `now` that would wait longer, for when what they lacked is there again.
    /// Their attempts stay counted. Says how many there were.
    async fn hasten(&self, instance: InstanceId, now: Timestamp) -> Result<u64>;

    /// Gives back all claims, for a start after a crash. Says how many there were.
    async fn release_all(&self) -> Result<u64>;

    /// When the next unclaimed job is due, if there is any, of an instance of which less than `share` are claimed.
    async fn next_due(&self, share: usize) -> Result<Option<Timestamp>>;

    /// What is known of the media of an event; `None` when no job was ever made for it.
    async fn progress(&self, event: EventId) -> Result<Option<MediaProgress>>;

    /// The same by the message's id; the newest where ids clash.
    async fn progress_of_message(
        &self,
        instance: InstanceId,
        id: &MessageId,
    ) -> Result<Option<MediaProgress>>;
}

/// Looks into media and turns it into what WhatsApp wants. Heavy work is done off the async threads.
#[async_trait]
pub trait MediaTools: Send + Sync {
    /// The type of a file as its content tells it; `None` where the content tells nothing.
    fn detect(&self, bytes: &Bytes) -> Option<String>;

    /// What can be seen in a file that goes out as `kind`. What cannot be decoded is left out; that is no failure.
    async fn inspect(&self, kind: MediaKind, bytes: Bytes) -> Result<MediaFacts>;

    /// Turns a picture (PNG, JPEG, GIF, WebP) into a sticker: WebP of 512 × 512 pixels, the picture whole and in its
    /// proportions, the rest transparent.
    ///
    /// Fails with `Invalid` when it is no picture or too large to be decoded safely.
    async fn sticker(&self, bytes: Bytes) -> Result<Bytes>;
}

/// Fetches files from URLs that callers give.
#[async_trait]
pub trait MediaFetcher: Send + Sync {
    /// Fetches a file of at most `limit` bytes.
    ///
    /// Fails with `Invalid` for a URL that may not be dialled, cannot be reached, answers with anything but success or
    /// has more to give; the reason names the cause.
    async fn fetch(&self, url: &Url, limit: u64) -> Result<FetchedMedia>;
}
