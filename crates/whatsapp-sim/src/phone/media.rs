//! Files in messages: encrypted and described as a phone does it, and read again.

mod compose;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wacore::download::{DownloadUtils, Downloadable, MediaDecryptionError, MediaType};
use wacore::proto_helpers::MessageExt as _;
use waproto::whatsapp as wa;

pub(crate) use compose::{Sealed, seal};

/// What the paths of files on the media host begin with.
pub(crate) const DIRECTORY: &str = "/v/";

/// What a file is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A recording.
    Audio,
    /// A recording made for this message.
    Voice,
    /// Any file.
    Document,
    /// A picture on its own.
    Sticker,
    /// A film made for this message, shown round.
    Ptv,
}

/// A file that an owner sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMedia {
    /// What it is sent as.
    pub kind: MediaKind,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Its type, unless it is the usual one of its kind.
    pub mime_type: Option<String>,
    /// The name of a document.
    pub file_name: Option<String>,
    /// What is written below it.
    pub caption: Option<String>,
    /// How long it plays; a second if nothing is said.
    pub seconds: Option<u32>,
}

/// What is shown of a file before it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownMedia {
    /// What it was sent as.
    pub kind: MediaKind,
    /// Its type.
    pub mime_type: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// The SHA-256 of what is in it, in hexadecimal.
    pub sha256: Option<String>,
    /// The name of a document.
    pub file_name: Option<String>,
    /// What is written below it.
    pub caption: Option<String>,
    /// How long it plays.
    pub seconds: Option<u32>,
    /// The loudness of a voice note over its length, in base64.
    pub waveform: Option<String>,
    /// Whether the message brings a small picture of it.
    pub thumbnail: bool,
    /// How wide it is.
    pub width: Option<u32>,
    /// How high it is.
    pub height: Option<u32>,
}

/// Why a file cannot be had as its message describes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Something the phone needs is not in the message.
    #[error("the message gives no {0}")]
    Missing(&'static str),
    /// The media host has no such file, or not any more.
    #[error("the media host has no file at `{0}`")]
    NotThere(String),
    /// It is not the file that was uploaded.
    #[error("the encrypted file does not have the hash that the message gives (fileEncSha256)")]
    EncryptedHash,
    /// It was encrypted with another key, or for another kind of message.
    #[error("the encrypted file does not fit the message's key (mediaKey)")]
    Authentication,
    /// It was encrypted wrongly.
    #[error("the encrypted file cannot be decrypted")]
    Decryption,
    /// It is another file that was encrypted.
    #[error("the file does not have the hash that the message gives (fileSha256)")]
    Hash,
    /// It is shorter or longer.
    #[error("the file has {is} bytes, not the {said} that the message gives (fileLength)")]
    Length {
        /// What the message says.
        said: u64,
        /// What there is.
        is: u64,
    },
}

/// A file as a message carries it.
pub(crate) struct Attachment<'m> {
    file: &'m dyn Downloadable,
    shown: ShownMedia,
}

impl<'m> Attachment<'m> {
    /// The file a message carries, out of whatever wraps it.
    pub(crate) fn of(message: &'m wa::Message) -> Option<Self> {
        let message = message.get_base_message();
        if let Some(m) = message.image_message.as_option() {
            let shown = ShownMedia {
                caption: m.caption.clone(),
                thumbnail: m.jpeg_thumbnail.is_some(),
                width: m.width,
                height: m.height,
                ..shown(MediaKind::Image, m, m.mimetype.as_ref())
            };
            return Some(Self { file: m, shown });
        }
        let video = message.video_message.as_option().map(|m| (MediaKind::Video, m));
        let ptv = message.ptv_message.as_option().map(|m| (MediaKind::Ptv, m));
        if let Some((kind, m)) = video.or(ptv) {
            let shown = ShownMedia {
                caption: m.caption.clone(),
                seconds: m.seconds,
                thumbnail: m.jpeg_thumbnail.is_some(),
                width: m.width,
                height: m.height,
                ..shown(kind, m, m.mimetype.as_ref())
            };
            return Some(Self { file: m, shown });
        }
        if let Some(m) = message.audio_message.as_option() {
            let kind = if m.ptt == Some(true) { MediaKind::Voice } else { MediaKind::Audio };
            let shown = ShownMedia {
                seconds: m.seconds,
                waveform: m.waveform.as_ref().map(|waveform| STANDARD.encode(waveform)),
                ..shown(kind, m, m.mimetype.as_ref())
            };
            return Some(Self { file: m, shown });
        }
        if let Some(m) = message.document_message.as_option() {
            let shown = ShownMedia {
                file_name: m.file_name.clone(),
                caption: m.caption.clone(),
                thumbnail: m.jpeg_thumbnail.is_some(),
                ..shown(MediaKind::Document, m, m.mimetype.as_ref())
            };
            return Some(Self { file: m, shown });
        }
        let m = message.sticker_message.as_option()?;
        let shown = ShownMedia {
            thumbnail: m.png_thumbnail.is_some(),
            width: m.width,
            height: m.height,
            ..shown(MediaKind::Sticker, m, m.mimetype.as_ref())
        };
        Some(Self { file: m, shown })
    }

    pub(crate) fn shown(self) -> ShownMedia {
        self.shown
    }

    /// Its name on the media host.
    pub(crate) fn name(&self) -> Result<&'m str, MediaError> {
        let path = self.file.direct_path().ok_or(MediaError::Missing("directPath"))?;
        let name = path.strip_prefix(DIRECTORY).and_then(|name| name.split('?').next());
        name.ok_or_else(|| MediaError::NotThere(path.to_owned()))
    }

    /// Decrypts what was uploaded, if it was encrypted, and checks it against everything the message says.
    pub(crate) fn open(&self, mut blob: Vec<u8>) -> Result<Vec<u8>, MediaError> {
        let hash = self.file.file_sha256().ok_or(MediaError::Missing("fileSha256"))?;
        let said = self.file.file_length().ok_or(MediaError::Missing("fileLength"))?;
        match (self.file.media_key(), self.file.file_enc_sha256()) {
            // From a newsletter.
            (None, None) => {}
            (key, encrypted) => {
                let key = key.ok_or(MediaError::Missing("mediaKey"))?;
                let encrypted = encrypted.ok_or(MediaError::Missing("fileEncSha256"))?;
                self.decrypt(&mut blob, key, encrypted)?;
            }
        }
        if Sha256::digest(&blob).as_slice() != hash {
            return Err(MediaError::Hash);
        }
        let is = blob.len() as u64;
        if is == said { Ok(blob) } else { Err(MediaError::Length { said, is }) }
    }

    fn decrypt(&self, blob: &mut Vec<u8>, key: &[u8], encrypted: &[u8]) -> Result<(), MediaError> {
        if Sha256::digest(&*blob).as_slice() != encrypted {
            return Err(MediaError::EncryptedHash);
        }
        let kind = self.file.app_info();
        DownloadUtils::verify_and_decrypt_in_place(blob, key, kind).map_err(
            |error| match error {
                MediaDecryptionError::InvalidMac | MediaDecryptionError::PayloadTooShort => {
                    MediaError::Authentication
                }
                _ => MediaError::Decryption,
            },
        )?;
        Ok(())
    }
}

/// What all kinds of files have.
fn shown(kind: MediaKind, file: &impl Downloadable, mime_type: Option<&String>) -> ShownMedia {
    ShownMedia {
        kind,
        mime_type: mime_type.cloned(),
        size: file.file_length(),
        sha256: file.file_sha256().map(hex::encode),
        file_name: None,
        caption: None,
        seconds: None,
        waveform: None,
        thumbnail: false,
        width: None,
        height: None,
    }
}

impl MediaKind {
    fn media_type(self) -> MediaType {
        match self {
            Self::Image => MediaType::Image,
            Self::Video | Self::Ptv => MediaType::Video,
            Self::Audio | Self::Voice => MediaType::Audio,
            Self::Document => MediaType::Document,
            Self::Sticker => MediaType::Sticker,
        }
    }

    fn usual_mime_type(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Video | Self::Ptv => "video/mp4",
            Self::Audio => "audio/mp4",
            Self::Voice => "audio/ogg; codecs=opus",
            Self::Document => "application/octet-stream",
            Self::Sticker => "image/webp",
        }
    }
}

/// The name of a file of this hash on the media host.
fn name_of(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

#[cfg(test)]
mod tests;
