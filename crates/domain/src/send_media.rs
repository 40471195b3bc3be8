//! Media and stickers that callers want sent.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use url::Url;

use crate::{
    Error, Result,
    address::Recipient,
    media::MediaSource,
    message::{MediaKind, MessageId, SendText, parse_delay, parse_reply_to, parse_source},
};

/// Base64 as callers write it, with or without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The fields that media may come in.
const URL: &str = "mediaUrl";
const BYTES: &str = "mediaBase64";

/// A send of media as its caller wrote it.
#[derive(Clone, Debug, Default)]
pub struct MediaRequest {
    /// `number`.
    pub number: String,
    /// `mediaType`.
    pub media_type: String,
    /// `mediaUrl`: a URL, a data URL or base64.
    pub media_url: Option<String>,
    /// `mediaBase64`: a data URL or base64; one of the two.
    pub media_base64: Option<String>,
    /// `message`, the caption.
    pub caption: Option<String>,
    /// `mimeType`.
    pub mime_type: Option<String>,
    /// `fileName`.
    pub file_name: Option<String>,
    /// `isVoice`.
    pub is_voice: Option<bool>,
    /// `duration`, in seconds.
    pub duration: Option<f64>,
    /// `waveform`.
    pub waveform: Option<Vec<i64>>,
    /// `replyTo`.
    pub reply_to: Option<String>,
    /// `delay`, in seconds.
    pub delay: Option<i64>,
    /// `source`.
    pub source: Option<String>,
}

/// Media that a caller wants sent.
#[derive(Clone, Debug)]
pub struct SendMedia {
    /// To whom.
    pub recipient: Recipient,
    /// What it is to be sent as.
    pub kind: MediaKind,
    /// The media, or where it is.
    pub media: MediaSource,
    /// The field it came in, by which it is refused.
    pub field: &'static str,
    /// The text under it.
    pub caption: Option<String>,
    /// Its type, where the caller knows better than its content tells.
    pub mime_type: Option<String>,
    /// The name shown on a document's card.
    pub file_name: Option<String>,
    /// Its length in seconds, where the caller says so.
    pub duration: Option<u32>,
    /// The loudness of a voice note, where the caller says so.
    pub waveform: Option<Vec<u8>>,
    /// The stored message it answers.
    pub reply_to: Option<MessageId>,
    /// How many seconds to show "typing…" first.
    pub delay: u32,
    /// The caller's tag.
    pub source: String,
}

impl SendMedia {
    /// The longest file name accepted, in characters.
    pub const MAX_FILE_NAME: usize = 255;
    /// How many values a waveform has at most.
    pub const MAX_WAVEFORM: usize = 1024;

    /// Checks what a caller sent; media that comes along may have `max` bytes.
    pub fn parse(request: MediaRequest, max: u64) -> Result<Self> {
        let recipient = Recipient::parse(&request.number)?;
        let kind = parse_kind(&request.media_type, request.is_voice)?;
        let present = |raw: Option<String>| raw.filter(|raw| !raw.trim().is_empty());
        let (field, media) = match (present(request.media_url), present(request.media_base64)) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(URL, "must not come together with mediaBase64"));
            }
            (Some(url), None) => (URL, parse_source_of_media(URL, &url, max)?),
            (None, Some(raw)) => (BYTES, MediaSource::Bytes(decode(BYTES, &raw, max)?)),
            (None, None) => return Err(Error::invalid(URL, "is required")),
        };
        let caption = request.caption.filter(|caption| !caption.is_empty());
        if caption.as_ref().is_some_and(|text| text.chars().count() > SendText::MAX_TEXT) {
            return Err(Error::invalid("message", "must have at most 65536 characters"));
        }
        Ok(Self {
            recipient,
            kind,
            media,
            field,
            caption,
            mime_type: present(request.mime_type).map(|raw| parse_mime_type(&raw)).transpose()?,
            file_name: present(request.file_name).map(parse_file_name).transpose()?,
            duration: request.duration.map(parse_duration).transpose()?,
            waveform: request.waveform.map(parse_waveform).transpose()?,
            reply_to: parse_reply_to(request.reply_to.as_deref())?,
            delay: parse_delay(request.delay)?,
            source: parse_source(request.source)?,
        })
    }
}

/// A send of a sticker as its caller wrote it.
#[derive(Clone, Debug, Default)]
pub struct StickerRequest {
    /// `number`.
    pub number: String,
    /// `imageUrl`: a URL, a data URL or base64.
    pub image_url: String,
    /// `replyTo`.
    pub reply_to: Option<String>,
    /// `delay`, in seconds.
    pub delay: Option<i64>,
    /// `source`.
    pub source: Option<String>,
}

/// A sticker that a caller wants sent, made of any picture.
#[derive(Clone, Debug)]
pub struct SendSticker {
    /// To whom.
    pub recipient: Recipient,
    /// The picture, or where it is.
    pub media: MediaSource,
    /// The stored message it answers.
    pub reply_to: Option<MessageId>,
    /// How many seconds to show "typing…" first.
    pub delay: u32,
    /// The caller's tag.
    pub source: String,
}

impl SendSticker {
    /// Checks what a caller sent; a picture that comes along may have `max` bytes.
    pub fn parse(request: StickerRequest, max: u64) -> Result<Self> {
        if request.image_url.trim().is_empty() {
            return Err(Error::invalid("imageUrl", "is required"));
        }
        Ok(Self {
            recipient: Recipient::parse(&request.number)?,
            media: parse_source_of_media("imageUrl", &request.image_url, max)?,
            reply_to: parse_reply_to(request.reply_to.as_deref())?,
            delay: parse_delay(request.delay)?,
            source: parse_source(request.source)?,
        })
    }
}

/// Audio is a voice note unless its caller says otherwise.
fn parse_kind(raw: &str, is_voice: Option<bool>) -> Result<MediaKind> {
    match raw {
        "image" => Ok(MediaKind::Image),
        "video" => Ok(MediaKind::Video),
        "document" => Ok(MediaKind::Document),
        "audio" if is_voice.unwrap_or(true) => Ok(MediaKind::VoiceNote),
        "audio" => Ok(MediaKind::Audio),
        _ => Err(Error::invalid("mediaType", "must be `image`, `video`, `document` or `audio`")),
    }
}

/// Reads a URL, a data URL or bare base64.
fn parse_source_of_media(field: &'static str, raw: &str, max: u64) -> Result<MediaSource> {
    let raw = raw.trim();
    let scheme = raw.get(..8).unwrap_or(raw).to_ascii_lowercase();
    if !scheme.starts_with("http://") && !scheme.starts_with("https://") {
        return decode(field, raw, max).map(MediaSource::Bytes);
    }
    if raw.len() > 8192 {
        return Err(Error::invalid(field, "must have at most 8192 characters"));
    }
    let url = Url::parse(raw).map_err(|e| Error::invalid(field, e.to_string()))?;
    if !url.has_host() {
        return Err(Error::invalid(field, "must name a host"));
    }
    Ok(MediaSource::Url(url))
}

/// Decodes base64, or a data URL with it.
fn decode(field: &'static str, raw: &str, max: u64) -> Result<Bytes> {
    let raw = raw.trim();
    let encoded = if raw.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
        let (head, body) =
            raw.split_once(',').ok_or(Error::invalid(field, "is a data URL without data"))?;
        if !head.to_ascii_lowercase().ends_with(";base64") {
            return Err(Error::invalid(field, "must be a data URL with base64"));
        }
        body
    } else {
        raw
    };
    let too_large = || Error::invalid(field, format!("must have at most {max} bytes"));
    // Before it is decoded: three bytes are four characters.
    if encoded.len() as u64 / 4 * 3 > max.saturating_add(3) {
        return Err(too_large());
    }
    let neither = || Error::invalid(field, "must be an http or https URL, a data URL or base64");
    let bytes = BASE64.decode(encoded).map_err(|_| neither())?;
    match bytes.len() as u64 {
        0 => Err(Error::invalid(field, "must not be empty")),
        size if size > max => Err(too_large()),
        _ => Ok(bytes.into()),
    }
}

/// Accepts `type/subtype` with or without parameters.
fn parse_mime_type(raw: &str) -> Result<String> {
    let refused = || Error::invalid("mimeType", "must be a type such as `image/jpeg`");
    let raw = raw.trim();
    let essence = raw.split(';').next().unwrap_or_default().trim();
    let (main, sub) = essence.split_once('/').ok_or_else(refused)?;
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let printable = raw.len() <= 255 && raw.bytes().all(|b| (b' '..=b'~').contains(&b));
    (printable && is_token(main) && is_token(sub)).then(|| raw.to_owned()).ok_or_else(refused)
}

fn parse_file_name(raw: String) -> Result<String> {
    let fits =
        raw.chars().count() <= SendMedia::MAX_FILE_NAME && !raw.chars().any(char::is_control);
    fits.then_some(raw).ok_or(Error::invalid("fileName", "must have at most 255 plain characters"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range has been looked at"
)]
fn parse_duration(raw: f64) -> Result<u32> {
    let day = 86_400.0;
    (raw.is_finite() && (0.0..=day).contains(&raw))
        .then(|| raw.round() as u32)
        .ok_or(Error::invalid("duration", "must be 0 to 86400 seconds"))
}

fn parse_waveform(raw: Vec<i64>) -> Result<Vec<u8>> {
    let refused = || Error::invalid("waveform", "must be at most 1024 numbers from 0 to 255");
    if raw.len() > SendMedia::MAX_WAVEFORM {
        return Err(refused());
    }
    raw.into_iter().map(|value| u8::try_from(value).map_err(|_| refused())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(url: &str) -> MediaRequest {
        MediaRequest {
            number: "5511999990002".to_owned(),
            media_type: "image".to_owned(),
            media_url: Some(url.to_owned()),
            ..MediaRequest::default()
        }
    }

    fn refused_field(request: MediaRequest) -> &'static str {
        match SendMedia::parse(request, 8) {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn media_is_a_url_a_data_url_or_base64() {
        let url = SendMedia::parse(media("HTTPS://example.com/a.jpg"), 8).unwrap().media;
        assert!(matches!(url, MediaSource::Url(_)), "{url:?}");
        for written in ["aGVsbG8=", "aGVsbG8", "data:image/png;base64,aGVsbG8="] {
            let bytes = SendMedia::parse(media(written), 8).unwrap().media;
            assert_eq!(bytes, MediaSource::Bytes(Bytes::from_static(b"hello")), "{written}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_the_field_that_is_wrong() {
        for url in
            ["", "ftp://example.com/a", "not base64!", "data:image/png,abc", "data:x", "https://"]
        {
            assert_eq!(refused_field(media(url)), "mediaUrl", "{url}");
        }
        assert_eq!(refused_field(media("aGVsbG8gd29ybGQ=")), "mediaUrl", "eleven bytes");
        let right = || media("aGVsbG8=");
        let both = MediaRequest { media_base64: Some("aGVsbG8=".to_owned()), ..right() };
        assert_eq!(refused_field(both), "mediaUrl");
        let sticker = MediaRequest { media_type: "sticker".to_owned(), ..right() };
        assert_eq!(refused_field(sticker), "mediaType");
        for mime in ["image", "image/", "/png", "image/p ng", "image/p\nng"] {
            let odd = MediaRequest { mime_type: Some(mime.to_owned()), ..right() };
            assert_eq!(refused_field(odd), "mimeType", "{mime}");
        }
        for duration in [-1.0, 1e9, f64::NAN] {
            let odd = MediaRequest { duration: Some(duration), ..right() };
            assert_eq!(refused_field(odd), "duration", "{duration}");
        }
        let loud = MediaRequest { waveform: Some(vec![256]), ..right() };
        assert_eq!(refused_field(loud), "waveform");
    }

    #[test]
    fn audio_is_a_voice_note_unless_said_otherwise() {
        let kind = |is_voice| {
            let request =
                MediaRequest { media_type: "audio".to_owned(), is_voice, ..media("aGVsbG8=") };
            SendMedia::parse(request, 8).unwrap().kind
        };
        assert_eq!(kind(None), MediaKind::VoiceNote);
        assert_eq!(kind(Some(true)), MediaKind::VoiceNote);
        assert_eq!(kind(Some(false)), MediaKind::Audio);
    }

    #[test]
    fn a_sticker_needs_a_picture() {
        let sticker = |url: &str| StickerRequest {
            number: "5511999990002".to_owned(),
            image_url: url.to_owned(),
            ..StickerRequest::default()
        };
        assert!(SendSticker::parse(sticker("https://example.com/a.png"), 8).is_ok());
        for url in ["", "example.com/a.png"] {
            assert!(SendSticker::parse(sticker(url), 8).is_err(), "{url}");
        }
    }
}
