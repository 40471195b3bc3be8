use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use wharf_domain::media::MediaFacts;
use wharf_domain::message::MediaKind;
use wharf_domain::ports::MediaTools;
use wharf_domain::{Error, Result};

use crate::{detect, mp4, picture, sound, sticker};

/// Looks into media and makes stickers, on threads of its own.
#[derive(Clone, Debug)]
pub struct MediaToolbox {
    room: Arc<Semaphore>,
}

impl MediaToolbox {
    /// Works on at most so many files at a time, each of which may take 200 MiB and a core for seconds.
    #[must_use]
    pub fn new(at_a_time: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(at_a_time.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// Does `work` off the async threads. `None` when it panicked, as decoders may on hostile files.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let place = Arc::clone(&self.room).acquire_owned().await;
        let place = place.map_err(|closed| Error::unavailable("the media toolbox", closed))?;
        let done = spawn_blocking(move || {
            let _place = place;
            work()
        });
        match done.await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(ended) if ended.is_panic() => Ok(None),
            Err(ended) => Err(Error::unavailable("the media toolbox", ended)),
        }
    }
}

impl Default for MediaToolbox {
    /// Two files at a time.
    fn default() -> Self {
        Self::new(2)
    }
}

#[async_trait]
impl MediaTools for MediaToolbox {
    fn detect(&self, bytes: &Bytes) -> Option<String> {
        detect::mime_type(bytes).map(str::to_owned)
    }

    async fn inspect(&self, kind: MediaKind, bytes: Bytes) -> Result<MediaFacts> {
        let facts = self.run(move || facts(kind, &bytes)).await?;
        Ok(facts.unwrap_or_default())
    }

    async fn sticker(&self, bytes: Bytes) -> Result<Bytes> {
        let made = self.run(move || sticker::make(bytes)).await?;
        made.unwrap_or_else(|| Err(sticker::undecodable()))
    }
}

fn facts(kind: MediaKind, bytes: &[u8]) -> MediaFacts {
    match kind {
        MediaKind::Image => MediaFacts {
            dimensions: picture::dimensions(bytes),
            thumbnail: picture::thumbnail(bytes),
            ..MediaFacts::default()
        },
        MediaKind::Sticker => {
            MediaFacts { dimensions: picture::dimensions(bytes), ..MediaFacts::default() }
        }
        MediaKind::Video | MediaKind::VideoNote => {
            let film = mp4::read(bytes).unwrap_or_default();
            MediaFacts {
                dimensions: film.dimensions,
                duration: film.duration.map(sound::whole_seconds),
                ..MediaFacts::default()
            }
        }
        MediaKind::Audio | MediaKind::VoiceNote => {
            let heard = sound::listen(bytes, kind == MediaKind::VoiceNote);
            MediaFacts {
                duration: heard.duration.map(sound::whole_seconds),
                waveform: heard.waveform,
                ..MediaFacts::default()
            }
        }
        MediaKind::Document => MediaFacts::default(),
    }
}
