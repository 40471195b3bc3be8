use bytes::Bytes;
use wacore::download::{Downloadable, MediaType};
use waproto::{
    buffa::MessageField,
    codec,
    whatsapp::{
        ContextInfo, Message,
        message::{
            AudioMessage, DocumentMessage, FutureProofMessage, ImageMessage, StickerMessage,
            VideoMessage,
        },
    },
};
use wharf_domain::{
    media::OutgoingMedia,
    message::{Media, MediaKind},
};
use whatsapp_rust::upload::UploadResponse;

use super::{
    context::{Quoted, answering},
    wrapping::unwrapped,
};

/// Width and height of a sticker, in pixels.
const STICKER: (u32, u32) = (512, 512);

/// The media of an unwrapped message.
pub(super) fn of(message: &Message) -> Option<Media> {
    let none = Media {
        kind: MediaKind::Document,
        url: None,
        mime_type: None,
        file_name: None,
        caption: None,
        size: None,
        duration: None,
    };
    if let Some(image) = message.image_message.as_option() {
        return Some(Media {
            kind: MediaKind::Image,
            url: image.url.clone(),
            mime_type: image.mimetype.clone(),
            caption: image.caption.clone(),
            size: image.file_length,
            ..none
        });
    }
    let videos =
        [(&message.video_message, MediaKind::Video), (&message.ptv_message, MediaKind::VideoNote)];
    for (video, kind) in videos {
        if let Some(video) = video.as_option() {
            return Some(Media {
                kind,
                url: video.url.clone(),
                mime_type: video.mimetype.clone(),
                caption: video.caption.clone(),
                size: video.file_length,
                duration: video.seconds,
                ..none
            });
        }
    }
    if let Some(audio) = message.audio_message.as_option() {
        let is_voice_note = audio.ptt.unwrap_or(false);
        return Some(Media {
            kind: if is_voice_note { MediaKind::VoiceNote } else { MediaKind::Audio },
            url: audio.url.clone(),
            mime_type: audio.mimetype.clone(),
            size: audio.file_length,
            duration: audio.seconds,
            ..none
        });
    }
    if let Some(document) = message.document_message.as_option() {
        return Some(Media {
            url: document.url.clone(),
            mime_type: document.mimetype.clone(),
            file_name: document.file_name.clone().or_else(|| document.title.clone()),
            caption: document.caption.clone(),
            size: document.file_length,
            ..none
        });
    }
    let sticker = message.sticker_message.as_option()?;
    Some(Media {
        kind: MediaKind::Sticker,
        url: sticker.url.clone(),
        mime_type: sticker.mimetype.clone(),
        size: sticker.file_length,
        ..none
    })
}

/// Where uploaded media is, and what opens it.
pub(crate) struct Uploaded {
    pub(crate) url: String,
    direct_path: String,
    media_key: [u8; 32],
    file_sha256: [u8; 32],
    file_enc_sha256: [u8; 32],
    file_length: u64,
    media_key_timestamp: i64,
    streaming_sidecar: Option<Vec<u8>>,
}

impl From<UploadResponse> for Uploaded {
    fn from(response: UploadResponse) -> Self {
        Self {
            url: response.url,
            direct_path: response.direct_path,
            media_key: response.media_key,
            file_sha256: response.file_sha256,
            file_enc_sha256: response.file_enc_sha256,
            file_length: response.file_length,
            media_key_timestamp: response.media_key_timestamp,
            streaming_sidecar: response.streaming_sidecar,
        }
    }
}

/// What is needed to fetch the media of a message; `None` when it has none.
pub(crate) fn downloadable(message: &Message) -> Option<Box<dyn Downloadable>> {
    let message = unwrapped(message);
    macro_rules! first {
        ($($kind:ident),+ $(,)?) => {
            $(if let Some(media) = message.$kind.as_option() {
                return Some(Box::new(media.clone()));
            })+
        };
    }
    first!(
        image_message,
        video_message,
        ptv_message,
        audio_message,
        document_message,
        sticker_message,
    );
    None
}

/// What WhatsApp's media hosts take a kind of media for.
pub(crate) fn media_type(kind: MediaKind) -> MediaType {
    match kind {
        MediaKind::Image => MediaType::Image,
        MediaKind::Video | MediaKind::VideoNote => MediaType::Video,
        MediaKind::Audio | MediaKind::VoiceNote => MediaType::Audio,
        MediaKind::Document => MediaType::Document,
        MediaKind::Sticker => MediaType::Sticker,
    }
}

/// The message that carries uploaded media, in the library's encoding.
pub(crate) fn encode_media(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    quote: Option<Quoted<'_>>,
) -> Bytes {
    let context = quote.map(|quote| MessageField::some(answering(quote))).unwrap_or_default();
    let message = match media.kind {
        MediaKind::Image => Message {
            image_message: MessageField::some(image(media, uploaded, context)),
            ..Message::default()
        },
        MediaKind::Video => Message {
            video_message: MessageField::some(video(media, uploaded, context)),
            ..Message::default()
        },
        MediaKind::VideoNote => Message {
            ptv_message: MessageField::some(video(media, uploaded, context)),
            ..Message::default()
        },
        MediaKind::Audio | MediaKind::VoiceNote => Message {
            audio_message: MessageField::some(audio(media, uploaded, context)),
            ..Message::default()
        },
        MediaKind::Document => captioned(Message {
            document_message: MessageField::some(document(media, uploaded, context)),
            ..Message::default()
        }),
        MediaKind::Sticker => Message {
            sticker_message: MessageField::some(sticker(media, uploaded, context)),
            ..Message::default()
        },
    };
    codec::message_to_vec(&message).into()
}

/// Fills in what every kind of media has in common.
macro_rules! carrying {
    ($kind:ident, $media:ident, $uploaded:ident, $context:ident, { $($field:ident: $value:expr),* $(,)? }) => {
        $kind {
            url: Some($uploaded.url),
            direct_path: Some($uploaded.direct_path),
            media_key: Some($uploaded.media_key.to_vec()),
            file_sha256: Some($uploaded.file_sha256.to_vec()),
            file_enc_sha256: Some($uploaded.file_enc_sha256.to_vec()),
            file_length: Some($uploaded.file_length),
            media_key_timestamp: Some($uploaded.media_key_timestamp),
            mimetype: Some($media.mime_type.clone()),
            context_info: $context,
            $($field: $value,)*
            ..$kind::default()
        }
    };
}

fn image(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    context: MessageField<ContextInfo>,
) -> ImageMessage {
    carrying!(ImageMessage, media, uploaded, context, {
        caption: media.caption.clone(),
        width: media.facts.dimensions.map(|(width, _)| width),
        height: media.facts.dimensions.map(|(_, height)| height),
        jpeg_thumbnail: thumbnail(media),
    })
}

fn video(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    context: MessageField<ContextInfo>,
) -> VideoMessage {
    carrying!(VideoMessage, media, uploaded, context, {
        caption: media.caption.clone(),
        width: media.facts.dimensions.map(|(width, _)| width),
        height: media.facts.dimensions.map(|(_, height)| height),
        seconds: media.facts.duration,
        jpeg_thumbnail: thumbnail(media),
        streaming_sidecar: uploaded.streaming_sidecar,
    })
}

fn audio(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    context: MessageField<ContextInfo>,
) -> AudioMessage {
    carrying!(AudioMessage, media, uploaded, context, {
        ptt: Some(media.kind == MediaKind::VoiceNote),
        seconds: media.facts.duration,
        waveform: media.facts.waveform.clone(),
        streaming_sidecar: uploaded.streaming_sidecar,
    })
}

fn document(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    context: MessageField<ContextInfo>,
) -> DocumentMessage {
    carrying!(DocumentMessage, media, uploaded, context, {
        caption: media.caption.clone(),
        file_name: media.file_name.clone(),
        title: media.file_name.clone(),
        jpeg_thumbnail: thumbnail(media),
    })
}

fn sticker(
    media: &OutgoingMedia,
    uploaded: Uploaded,
    context: MessageField<ContextInfo>,
) -> StickerMessage {
    let (width, height) = media.facts.dimensions.unwrap_or(STICKER);
    carrying!(StickerMessage, media, uploaded, context, {
        width: Some(width),
        height: Some(height),
        is_animated: Some(is_animated(&media.bytes)),
    })
}

fn thumbnail(media: &OutgoingMedia) -> Option<Vec<u8>> {
    media.facts.thumbnail.as_ref().map(|thumbnail| thumbnail.to_vec())
}

/// Phones show the caption of a document only in a wrapper that says that it has one.
fn captioned(message: Message) -> Message {
    let caption = message.document_message.as_option().and_then(|it| it.caption.as_deref());
    if caption.is_none_or(str::is_empty) {
        return message;
    }
    let wrapper = FutureProofMessage { message: MessageField::some(message) };
    Message { document_with_caption_message: MessageField::some(wrapper), ..Message::default() }
}

/// Whether a WebP file says of itself that it moves.
fn is_animated(webp: &[u8]) -> bool {
    const EXTENDED: &[u8] = b"VP8X";
    const ANIMATION: u8 = 2;
    webp.get(12..16) == Some(EXTENDED) && webp.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
