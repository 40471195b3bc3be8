use std::sync::Arc;

use bytes::Bytes;
use wacore::download::Downloadable;
use wharf_domain::{
    Error, Resource, Result,
    media::{MediaBody, OutgoingMedia},
    ports::PreparedMedia,
};
use whatsapp_rust::{Client, anyhow, http::HttpStatusError};

use super::Core;
use crate::{
    convert::{self, Quoted},
    failure::in_our_words,
    file::{Sealed, Spool, Watch},
};

/// What failed when WhatsApp's media hosts do not do what they should.
const HOSTS: &str = "WhatsApp's media hosts";

impl Core {
    /// Uploads media and encodes the message that carries it.
    pub(super) async fn prepare_media(
        &self,
        media: &OutgoingMedia,
        quote: Option<Quoted<'_>>,
    ) -> Result<PreparedMedia> {
        let client = self.ready()?;
        let (bytes, kind) = (media.bytes.clone(), convert::media_type(media.kind));
        let sealed = self.tasks.on_thread(move || Sealed::of(&bytes, kind));
        let uploaded = self.tasks.attend(async move {
            let (sealed, info) = sealed.await??;
            client.upload_stream(sealed, info, kind).await
        });
        let uploaded = uploaded.await.ok_or(Error::NotConnected)?.map_err(|e| not_uploaded(&e))?;
        let uploaded = convert::Uploaded::from(uploaded);
        let url = Some(uploaded.url.clone());
        Ok(PreparedMedia { raw: convert::encode_media(media, uploaded, quote), url })
    }

    /// Downloads and decrypts the media of a message into a file without a name, which is given out in pieces.
    pub(super) async fn download(&self, raw: &Bytes, limit: u64) -> Result<MediaBody> {
        let message = waproto::codec::message_decode(raw)
            .map_err(|e| Error::unavailable("the encoded message", e))?;
        let media = convert::downloadable(&message)
            .filter(|media| media.direct_path().is_some() || media.static_url().is_some())
            .ok_or(Error::NotFound(Resource::Media))?;
        if media.file_length().is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let over = || unavailable("the session is over");
        let client = self.client().ok_or_else(over)?;
        let spool = self.tasks.on_thread(move || Spool::new(limit));
        let fetched = self.tasks.attend(async move {
            let spool = spool.await.map_err(unavailable)?.map_err(unavailable)?;
            fetch(client, media, spool).await
        });
        fetched.await.ok_or_else(over)?
    }
}

async fn fetch(
    client: Arc<Client>,
    media: Box<dyn Downloadable>,
    (spool, watch): (Spool, Watch),
) -> Result<MediaBody> {
    match client.download_to_writer(&*media, spool).await {
        Ok(spool) => spool.into_body().map_err(unavailable),
        Err(_) if watch.is_full() => Err(too_large(watch.limit())),
        Err(e) if status(&e).is_some_and(|status| matches!(status, 404 | 410)) => {
            Err(Error::NotFound(Resource::Media))
        }
        Err(e) => Err(unavailable(in_one_line(&e))),
    }
}

fn not_uploaded(failure: &anyhow::Error) -> Error {
    match in_our_words(failure.as_ref()) {
        Error::NotConnected => Error::NotConnected,
        _ => unavailable(in_one_line(failure)),
    }
}

fn in_one_line(failure: &anyhow::Error) -> String {
    format!("{failure:#}")
}

fn status(failure: &anyhow::Error) -> Option<u16> {
    failure.chain().find_map(|cause| cause.downcast_ref::<HttpStatusError>()).map(|it| it.status)
}

fn too_large(limit: u64) -> Error {
    Error::invalid("media", format!("is larger than {limit} bytes"))
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::unavailable(HOSTS, cause)
}
