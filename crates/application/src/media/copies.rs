//! What a sink is told of the media of an event, and what goes along.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::OnceCell;
use wharf_domain::{
    Error, Result,
    delivery::MediaCopy,
    event::{Event, EventBody, EventId},
    instance::Instance,
    media::MediaProgress,
    message::{Content, Message},
    ports::{Clock, MediaJobs, MediaStore},
};

use super::{Reader, in_words, reader::Loaded};
use crate::Ports;

/// Tells sinks where media can be had, and gives it to those that want it along.
#[derive(Clone)]
pub(crate) struct Copies {
    jobs: Arc<dyn MediaJobs>,
    store: Arc<dyn MediaStore>,
    clock: Arc<dyn Clock>,
    reader: Reader,
    hold: Duration,
    /// Files that are in use now, so that the sinks of an event share one.
    in_use: Arc<Mutex<HashMap<EventId, Weak<OnceCell<Loaded>>>>>,
}

/// The media of an event, for one sink.
pub(crate) enum Copied {
    /// The event has none.
    Nothing,
    /// What there is, in memory as long as this lives.
    Ready(
        MediaCopy,
        #[expect(dead_code, reason = "held for its drop")] Option<Arc<OnceCell<Loaded>>>,
    ),
    /// It may be there in a moment, and the event is young enough to wait for it.
    Later(String),
}

impl Copied {
    /// What the sink is told.
    pub(crate) fn copy(&self) -> Option<&MediaCopy> {
        match self {
            Self::Ready(copy, _) => Some(copy),
            Self::Nothing | Self::Later(_) => None,
        }
    }
}

impl Copies {
    pub(crate) fn new(ports: &Ports, reader: Reader, hold: Duration) -> Self {
        Self {
            jobs: ports.media_jobs.clone(),
            store: ports.media_store.clone(),
            clock: ports.clock.clone(),
            reader,
            hold,
            in_use: Arc::default(),
        }
    }

    /// The media of an event for a sink that wants the file along, or does not. Fails when the store does.
    pub(crate) async fn of(
        &self,
        instance: &Instance,
        event: &Event,
        along: bool,
    ) -> Result<Copied> {
        let EventBody::Message(message) = &event.body else { return Ok(Copied::Nothing) };
        if !matches!(message.content, Content::Media(_)) {
            return Ok(Copied::Nothing);
        }
        let progress = self.jobs.progress(event.id).await?;
        let mut copy = self.in_bucket(instance, progress.as_ref());
        if !along {
            return Ok(Copied::Ready(copy, None));
        }
        let file = self.shared(event.id);
        let loading = file.get_or_try_init(|| self.load(instance, message, progress.as_ref()));
        match loading.await {
            Ok(loaded) => copy.bytes = Some(loaded.bytes.clone()),
            Err(e) => {
                let is_young = self.clock.now() < event.recorded_at + self.hold;
                let is_final = matches!(e, Error::NotFound(_) | Error::Invalid { .. });
                if is_young && !is_final {
                    return Ok(Copied::Later(in_words(&e)));
                }
                tracing::warn!(event = %event.id.0, reason = in_words(&e), "media stays behind");
                copy.bytes_error = Some(in_words(&e));
            }
        }
        Ok(Copied::Ready(copy, Some(file)))
    }

    /// Where a piece of media is in its instance's bucket, or why it is not there.
    pub(super) fn in_bucket(
        &self,
        instance: &Instance,
        progress: Option<&MediaProgress>,
    ) -> MediaCopy {
        let url = match (progress, &instance.s3) {
            (None, _) => return MediaCopy::default(),
            (Some(MediaProgress::Stored(object)), Some(bucket)) => {
                self.store.url(bucket, object, self.clock.now()).map_err(|e| in_words(&e))
            }
            (Some(MediaProgress::Stored(_)), None) => Err(super::jobs::NO_BUCKET.to_owned()),
            (Some(MediaProgress::Failed(reason) | MediaProgress::Waiting(Some(reason))), _) => {
                Err(reason.clone())
            }
            (Some(MediaProgress::Waiting(None)), _) => {
                Err("the upload has not been finished yet".to_owned())
            }
        };
        MediaCopy { s3_url: url.clone().ok(), s3_error: url.err(), ..MediaCopy::default() }
    }

    async fn load(
        &self,
        instance: &Instance,
        message: &Message,
        progress: Option<&MediaProgress>,
    ) -> Result<Loaded> {
        self.reader.read(instance, &message.id, progress).await
    }

    fn shared(&self, event: EventId) -> Arc<OnceCell<Loaded>> {
        // Each change is complete by itself.
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = in_use.get(&event).and_then(Weak::upgrade) {
            return file;
        }
        in_use.retain(|_, file| file.strong_count() > 0);
        let file = Arc::default();
        in_use.insert(event, Arc::downgrade(&file));
        file
    }
}
