//! The host where WhatsApp keeps media.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use bytes::Bytes;
use tokio::sync::watch;
use wharf_domain::{
    Error, Resource, Result,
    media::{MediaBody, OutgoingMedia},
    message::{MessageId, Quote},
    ports::PreparedMedia,
};

use super::{InMemoryWhatsApp, encode};

/// Media by the message that carries it, in the fake's own encoding.
#[derive(Debug, Default)]
pub(super) struct MediaHost {
    state: Mutex<State>,
    /// While this is set nobody gets an answer.
    is_slow: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<Bytes, Bytes>,
    uploaded: Vec<OutgoingMedia>,
    downloads: usize,
    failure: Option<String>,
}

impl InMemoryWhatsApp {
    /// The media host has this for whoever received that message.
    pub fn keep_media(&self, message: &MessageId, bytes: impl Into<Bytes>) {
        self.world.media.state().files.insert(raw_of(message), bytes.into());
    }

    /// The media host keeps it no more.
    pub fn lose_media(&self, message: &MessageId) {
        self.world.media.state().files.remove(&raw_of(message));
    }

    /// From now on uploads and downloads fail for this reason; `None` lifts it.
    pub fn fail_media(&self, reason: Option<&str>) {
        self.world.media.state().failure = reason.map(str::to_owned);
    }

    /// From now on uploads and downloads take for ever, or go on.
    pub fn slow_media(&self, is_slow: bool) {
        self.world.media.is_slow.send_replace(is_slow);
    }

    /// All media that was uploaded, in order.
    #[must_use]
    pub fn uploaded(&self) -> Vec<OutgoingMedia> {
        self.world.media.state().uploaded.clone()
    }

    /// How many downloads were begun.
    #[must_use]
    pub fn downloads(&self) -> usize {
        self.world.media.state().downloads
    }
}

impl MediaHost {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no step panics")
    }

    async fn answer(&self) -> Result<()> {
        let mut is_slow = self.is_slow.subscribe();
        is_slow.wait_for(|is_slow| !is_slow).await.expect("the sender is ours");
        match &self.state().failure {
            Some(reason) => Err(Error::unavailable("media host", reason.clone())),
            None => Ok(()),
        }
    }

    pub(super) async fn upload(
        &self,
        media: &OutgoingMedia,
        quote: Option<&Quote>,
    ) -> Result<PreparedMedia> {
        self.answer().await?;
        let mut state = self.state();
        state.uploaded.push(media.clone());
        let count = state.uploaded.len();
        let caption = media.caption.as_deref().unwrap_or_default();
        let raw = encode(&format!("upload {count} {caption}"), quote);
        state.files.insert(raw.clone(), media.bytes.clone());
        let url = format!("https://mmg.whatsapp.net/in-memory/{count}");
        Ok(PreparedMedia { raw, url: Some(url) })
    }

    pub(super) async fn download(&self, raw: &Bytes, limit: u64) -> Result<MediaBody> {
        self.state().downloads += 1;
        self.answer().await?;
        let file = self.state().files.get(raw).cloned();
        let file = file.ok_or(Error::NotFound(Resource::Media))?;
        if file.len() as u64 > limit {
            return Err(Error::invalid("media", format!("is larger than {limit} bytes")));
        }
        Ok(MediaBody::of(file))
    }
}

/// A received media message in the fake's own encoding.
pub(super) fn raw_of(message: &MessageId) -> Bytes {
    Bytes::from(format!("media {message}"))
}
