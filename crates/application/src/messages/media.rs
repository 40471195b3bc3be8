//! Media and stickers: fetched, looked at, made ready, uploaded.

use wharf_domain::{
    Error, Result,
    instance::InstanceId,
    media::{FetchedMedia, MediaFacts, MediaSource, OutgoingMedia},
    message::{Content, Media, MediaKind},
    ports::Session,
    send_media::SendMedia,
};

use super::{
    Shared,
    composing::{Quoted, Ready},
    kinds,
};
use crate::media::Seat;

/// The field that names a sticker's picture.
const PICTURE: &str = "imageUrl";
/// What stickers are made of.
const STICKER_TYPE: &str = "image/webp";

impl Shared {
    /// Makes media ready as its caller wants it, and uploads it.
    pub(super) async fn prepare_media(
        &self,
        instance: InstanceId,
        session: &dyn Session,
        quoted: Option<&Quoted>,
        wanted: SendMedia,
    ) -> Result<Ready> {
        let (file, _seat) = self.fetch(instance, wanted.media, wanted.field).await?;
        let found = self.tools.detect(&file.bytes);
        let given = wanted.mime_type.as_deref();
        let mime_type =
            kinds::type_of(wanted.kind, found.as_deref(), given, file.mime_type.as_deref())
                .map_err(|e| named(e, wanted.field))?;
        let facts = self.tools.inspect(wanted.kind, file.bytes.clone()).await?;
        let is_sound = matches!(wanted.kind, MediaKind::Audio | MediaKind::VoiceNote);
        let file_name = (wanted.kind == MediaKind::Document)
            .then(|| wanted.file_name.or(file.file_name))
            .map(|name| name.unwrap_or_else(|| kinds::generic_name(&mime_type)));
        let media = OutgoingMedia {
            kind: wanted.kind,
            bytes: file.bytes,
            mime_type,
            file_name,
            // WhatsApp shows no words under sound.
            caption: wanted.caption.filter(|_| !is_sound),
            facts: MediaFacts {
                duration: wanted.duration.or(facts.duration),
                waveform: wanted.waveform.or(facts.waveform),
                ..facts
            },
        };
        upload(session, quoted, media).await
    }

    /// Makes a sticker of a picture, and uploads it.
    pub(super) async fn prepare_sticker(
        &self,
        instance: InstanceId,
        session: &dyn Session,
        quoted: Option<&Quoted>,
        picture: MediaSource,
    ) -> Result<Ready> {
        let (file, _seat) = self.fetch(instance, picture, PICTURE).await?;
        let found = self.tools.detect(&file.bytes);
        if !found.is_some_and(|found| found.starts_with("image/")) {
            return Err(Error::invalid(PICTURE, "is no picture by its content"));
        }
        let bytes = self.tools.sticker(file.bytes).await.map_err(|e| named(e, PICTURE))?;
        let facts = self.tools.inspect(MediaKind::Sticker, bytes.clone()).await?;
        let media = OutgoingMedia {
            kind: MediaKind::Sticker,
            bytes,
            mime_type: STICKER_TYPE.to_owned(),
            file_name: None,
            caption: None,
            facts,
        };
        upload(session, quoted, media).await
    }

    /// The file itself, from wherever it is, and the room it takes.
    async fn fetch(
        &self,
        instance: InstanceId,
        source: MediaSource,
        field: &'static str,
    ) -> Result<(FetchedMedia, Seat)> {
        // Kept until there is room for the file: what is fetched and waits would pile up beside it.
        let mut turn = None;
        let file = match source {
            MediaSource::Bytes(bytes) => FetchedMedia { bytes, mime_type: None, file_name: None },
            MediaSource::Url(url) => {
                turn = Some(self.fetches.take(instance).await);
                let fetched = self.fetcher.fetch(&url, self.send_max).await;
                fetched.map_err(|e| named(e, field))?
            }
        };
        let file = self.fitting(file, field)?;
        let seat = self.room.take(file.bytes.len() as u64).await;
        drop(turn);
        Ok((file, seat))
    }

    fn fitting(&self, file: FetchedMedia, field: &'static str) -> Result<FetchedMedia> {
        match file.bytes.len() as u64 {
            0 => Err(Error::invalid(field, "must not be empty")),
            size if size > self.send_max => {
                let max = self.send_max;
                Err(Error::invalid(field, format!("must have at most {max} bytes")))
            }
            _ => Ok(file),
        }
    }
}

async fn upload(
    session: &dyn Session,
    quoted: Option<&Quoted>,
    media: OutgoingMedia,
) -> Result<Ready> {
    let prepared = session.prepare_media(&media, quoted.map(Quoted::parts)).await?;
    let content = Content::Media(Media {
        kind: media.kind,
        url: prepared.url,
        size: Some(media.bytes.len() as u64),
        mime_type: Some(media.mime_type),
        file_name: media.file_name,
        caption: media.caption,
        duration: media.facts.duration,
    });
    Ok(Ready { content, raw: prepared.raw })
}

/// A refusal by the name of the field its cause came in.
fn named(error: Error, field: &'static str) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::Invalid { field, reason },
        other => other,
    }
}
