//! Media for whoever asks for it.

use std::sync::Arc;

use bytes::Bytes;
use wharf_domain::{
    Error, Resource, Result,
    delivery::MediaCopy,
    instance::Instance,
    message::{Content, Media, Message, MessageId},
    ports::{MediaJobs, MessageStore},
};

use super::{Copies, Reader, Seat};
use crate::Ports;

/// Reads the media of stored messages.
#[derive(Clone)]
pub struct MediaService {
    messages: Arc<dyn MessageStore>,
    jobs: Arc<dyn MediaJobs>,
    reader: Reader,
    copies: Copies,
}

/// The media of a message, in memory as long as this lives.
#[derive(Debug)]
pub struct MediaFile {
    /// The message.
    pub message: Message,
    /// What the message says of it.
    pub media: Media,
    /// The file.
    pub bytes: Bytes,
    /// Where else it can be had.
    pub copy: MediaCopy,
    _seat: Seat,
}

impl MediaService {
    pub(crate) fn new(ports: &Ports, reader: Reader, copies: Copies) -> Self {
        let (messages, jobs) = (ports.messages.clone(), ports.media_jobs.clone());
        Self { messages, jobs, reader, copies }
    }

    /// The media of a message, from its bucket or from WhatsApp.
    ///
    /// Fails with `NotFound(Message)`, with `NotFound(Media)` when it has none or nobody keeps it any more, with
    /// `Invalid` when it is too large, with `NotConnected` when only WhatsApp could have it and cannot be asked, and
    /// with `NotAcknowledged` or `Unavailable` when whoever has it does not give it.
    pub async fn read(&self, instance: &Instance, id: &MessageId) -> Result<MediaFile> {
        let stored = self.messages.find(instance.id, id).await?;
        let message = stored.ok_or(Error::NotFound(Resource::Message))?.message;
        let Content::Media(media) = &message.content else {
            return Err(Error::NotFound(Resource::Media));
        };
        let media = media.clone();
        let progress = self.jobs.progress_of_message(instance.id, id).await?;
        let loaded = self.reader.read(instance, &message, progress.as_ref()).await?;
        let copy = self.copies.in_bucket(instance, progress.as_ref());
        Ok(MediaFile { message, media, bytes: loaded.bytes, copy, _seat: loaded.seat })
    }
}
