//! What a caller wants sent, whatever it is.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wharf_domain::{
    Error, Result,
    address::Recipient,
    media::MediaSource,
    message::{MessageId, SendText},
    send_media::{SendMedia, SendSticker},
};

/// What all sends have in common, and what is to be said.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) recipient: Recipient,
    pub(super) reply_to: Option<MessageId>,
    pub(super) delay: u32,
    pub(super) source: String,
    pub(super) payload: Payload,
}

/// What is to be said.
#[derive(Clone)]
pub(super) enum Payload {
    Text(String),
    Media(Arc<SendMedia>),
    Sticker(MediaSource),
}

impl From<SendText> for Order {
    fn from(text: SendText) -> Self {
        let SendText { recipient, text, reply_to, delay, source } = text;
        Self { recipient, reply_to, delay, source, payload: Payload::Text(text) }
    }
}

impl From<SendMedia> for Order {
    fn from(media: SendMedia) -> Self {
        Self {
            recipient: media.recipient.clone(),
            reply_to: media.reply_to.clone(),
            delay: media.delay,
            source: media.source.clone(),
            payload: Payload::Media(Arc::new(media)),
        }
    }
}

impl From<SendSticker> for Order {
    fn from(sticker: SendSticker) -> Self {
        let SendSticker { recipient, media, reply_to, delay, source } = sticker;
        Self { recipient, reply_to, delay, source, payload: Payload::Sticker(media) }
    }
}

impl Order {
    /// What makes two requests with one idempotency key the same request.
    pub(super) async fn fingerprint(&self) -> Result<[u8; 32]> {
        if matches!(self.payload, Payload::Text(_)) {
            return Ok(self.hashed());
        }
        // Many megabytes take a while.
        let order = self.clone();
        let hashing = tokio::task::spawn_blocking(move || order.hashed());
        hashing.await.map_err(|e| Error::unavailable("hashing", e))
    }

    fn hashed(&self) -> [u8; 32] {
        let recipient = match &self.recipient {
            Recipient::Number(number) => number.to_string(),
            Recipient::Jid(jid) => jid.to_string(),
        };
        let words = match &self.payload {
            Payload::Text(text) => text,
            Payload::Media(media) => media.caption.as_deref().unwrap_or_default(),
            Payload::Sticker(_) => "",
        };
        let mut print = Fingerprint(Sha256::new());
        print.add(recipient);
        print.add(words);
        print.add(self.reply_to.as_ref().map_or("", MessageId::as_str));
        print.add(self.delay.to_string());
        print.add(&self.source);
        match &self.payload {
            Payload::Text(_) => {}
            Payload::Media(media) => {
                print.add(format!("{:?}", media.kind));
                print.add(media.mime_type.as_deref().unwrap_or_default());
                print.add(media.file_name.as_deref().unwrap_or_default());
                print.add(format!("{:?} {:?}", media.duration, media.waveform));
                print.add_media(&media.media);
            }
            Payload::Sticker(picture) => {
                print.add("sticker");
                print.add_media(picture);
            }
        }
        print.0.finalize().into()
    }
}

/// A hash over all that a caller gave.
struct Fingerprint(Sha256);

impl Fingerprint {
    /// The length first, so that no two lists of parts read the same.
    fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
    }

    fn add_media(&mut self, media: &MediaSource) {
        match media {
            MediaSource::Bytes(bytes) => {
                self.add("bytes");
                self.add(bytes);
            }
            MediaSource::Url(url) => {
                self.add("url");
                self.add(url.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wharf_domain::{media::MediaSource, send_media::MediaRequest};

    use super::*;

    fn media(change: impl FnOnce(&mut SendMedia)) -> [u8; 32] {
        let request = MediaRequest {
            number: "5511999990002".to_owned(),
            media_type: "image".to_owned(),
            media_url: Some("aGVsbG8=".to_owned()),
            ..MediaRequest::default()
        };
        let mut media = SendMedia::parse(request, 100).unwrap();
        change(&mut media);
        Order::from(media).hashed()
    }

    #[test]
    fn whatever_differs_makes_another_request() {
        let same = media(|_| {});
        assert_eq!(media(|_| {}), same);
        let others = [
            media(|m| m.media = MediaSource::Bytes(b"other".as_slice().into())),
            media(|m| m.media = MediaSource::Url("https://example.com/a".parse().unwrap())),
            media(|m| m.caption = Some("words".to_owned())),
            media(|m| m.file_name = Some("words".to_owned())),
            media(|m| m.mime_type = Some("words".to_owned())),
            media(|m| m.duration = Some(3)),
            media(|m| m.kind = wharf_domain::message::MediaKind::Video),
        ];
        for (place, other) in others.iter().enumerate() {
            assert_ne!(*other, same, "{place}");
            assert!(!others[..place].contains(other), "{place}");
        }
    }
}
