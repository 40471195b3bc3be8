//! A file on its way into a message.

use sha2::{Digest as _, Sha256};
use wacore::download::MediaType;
use wacore::upload::MediaEncryptor;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::{DIRECTORY, MediaKind, NewMedia, name_of};
use crate::phone::saying::secret;

/// A voice note's loudness is shown in this many columns of up to 100.
const COLUMNS: usize = 64;
const LOUDNESS: u8 = 50;
/// How long plays what nobody says the length of: phones always give one.
const SHORTEST: u32 = 1;

/// A file as it is uploaded: encrypted, but for newsletters.
pub(crate) struct Sealed {
    /// What is uploaded.
    pub(crate) blob: Vec<u8>,
    hash: [u8; 32],
    length: u64,
    secret: Option<Secret>,
    sidecar: Option<Vec<u8>>,
}

/// What it takes to read an encrypted file.
struct Secret {
    key: [u8; 32],
    /// The hash of what was uploaded.
    hash: [u8; 32],
}

/// Encrypts a file under a key of its own.
pub(crate) fn seal(
    bytes: &[u8],
    kind: MediaType,
) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> {
    let streamed = matches!(kind, MediaType::Video | MediaType::Audio);
    let mut encryptor = MediaEncryptor::new_with_sidecar(kind, streamed)?;
    let mut blob = Vec::with_capacity(bytes.len() + 32);
    encryptor.update(bytes, &mut blob);
    let info = encryptor.finalize(&mut blob)?;
    Ok(Sealed {
        blob,
        hash: info.file_sha256,
        length: info.file_length,
        secret: Some(Secret { key: info.media_key, hash: info.file_enc_sha256 }),
        sidecar: info.streaming_sidecar,
    })
}

impl NewMedia {
    pub(crate) fn seal(&self) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> {
        seal(&self.bytes, self.kind.media_type())
    }

    /// The file as it is, for whoever follows a newsletter.
    pub(crate) fn unsealed(&self) -> Sealed {
        Sealed {
            hash: Sha256::digest(&self.bytes).into(),
            length: self.bytes.len() as u64,
            blob: self.bytes.clone(),
            secret: None,
            sidecar: None,
        }
    }

    /// The message that carries the file, uploaded to `host`, `now` in seconds.
    pub(crate) fn message(self, sealed: &Sealed, host: &str, now: i64) -> wa::Message {
        let mimetype = self.mime_type.unwrap_or_else(|| self.kind.usual_mime_type().to_owned());
        let seconds = self.seconds.unwrap_or(SHORTEST);
        let mut message = match self.kind {
            MediaKind::Image => wa::Message {
                image_message: MessageField::some(wa::message::ImageMessage {
                    caption: self.caption,
                    ..sealed.image(host, now, mimetype)
                }),
                ..Default::default()
            },
            MediaKind::Video => {
                let video = sealed.video(host, now, mimetype);
                wa::Message {
                    video_message: MessageField::some(wa::message::VideoMessage {
                        caption: self.caption,
                        seconds: Some(seconds),
                        ..video
                    }),
                    ..Default::default()
                }
            }
            MediaKind::Ptv => {
                let video = sealed.video(host, now, mimetype);
                wa::Message {
                    ptv_message: MessageField::some(wa::message::VideoMessage {
                        seconds: Some(seconds),
                        ..video
                    }),
                    ..Default::default()
                }
            }
            MediaKind::Audio | MediaKind::Voice => {
                let spoken = self.kind == MediaKind::Voice;
                wa::Message {
                    audio_message: MessageField::some(wa::message::AudioMessage {
                        seconds: Some(seconds),
                        ptt: Some(spoken),
                        waveform: spoken.then(|| vec![LOUDNESS; COLUMNS]),
                        ..sealed.audio(host, now, mimetype)
                    }),
                    ..Default::default()
                }
            }
            MediaKind::Document => {
                let captioned = self.caption.is_some();
                let document = wa::Message {
                    document_message: MessageField::some(wa::message::DocumentMessage {
                        title: self.file_name.clone(),
                        file_name: self.file_name,
                        caption: self.caption,
                        ..sealed.document(host, now, mimetype)
                    }),
                    ..Default::default()
                };
                if captioned { wrapped(document) } else { document }
            }
            MediaKind::Sticker => wa::Message {
                sticker_message: MessageField::some(sealed.sticker(host, now, mimetype)),
                ..Default::default()
            },
        };
        message.message_context_info = MessageField::some(secret());
        message
    }
}

/// Phones wrap a document that has a caption.
fn wrapped(document: wa::Message) -> wa::Message {
    let wrapper = wa::message::FutureProofMessage { message: MessageField::some(document) };
    wa::Message { document_with_caption_message: MessageField::some(wrapper), ..Default::default() }
}

/// The fields every kind of file has, in messages that have no more than that in common.
macro_rules! described {
    ($sealed:ident, $host:ident, $now:ident, $mimetype:ident, $message:ident) => {
        wa::message::$message {
            url: Some(format!("https://{}{}", $host, $sealed.path())),
            direct_path: Some($sealed.path()),
            mimetype: Some($mimetype),
            file_sha256: Some($sealed.hash.to_vec()),
            file_enc_sha256: $sealed.secret.as_ref().map(|secret| secret.hash.to_vec()),
            file_length: Some($sealed.length),
            media_key: $sealed.secret.as_ref().map(|secret| secret.key.to_vec()),
            media_key_timestamp: $sealed.secret.as_ref().map(|_| $now),
            ..Default::default()
        }
    };
}

impl Sealed {
    /// Its name on the media host.
    pub(crate) fn name(&self) -> String {
        name_of(self.secret.as_ref().map_or(&self.hash, |secret| &secret.hash))
    }

    /// Its path there.
    fn path(&self) -> String {
        format!("{DIRECTORY}{}", self.name())
    }

    /// What is said of history.
    pub(crate) fn history(&self) -> wa::message::HistorySyncNotification {
        wa::message::HistorySyncNotification {
            direct_path: Some(self.path()),
            file_sha256: Some(self.hash.to_vec()),
            file_enc_sha256: self.secret.as_ref().map(|secret| secret.hash.to_vec()),
            file_length: Some(self.length),
            media_key: self.secret.as_ref().map(|secret| secret.key.to_vec()),
            ..Default::default()
        }
    }

    fn image(&self, host: &str, now: i64, mimetype: String) -> wa::message::ImageMessage {
        described!(self, host, now, mimetype, ImageMessage)
    }

    fn video(&self, host: &str, now: i64, mimetype: String) -> wa::message::VideoMessage {
        let streaming_sidecar = self.sidecar.clone();
        let video = described!(self, host, now, mimetype, VideoMessage);
        wa::message::VideoMessage { streaming_sidecar, ..video }
    }

    fn audio(&self, host: &str, now: i64, mimetype: String) -> wa::message::AudioMessage {
        let streaming_sidecar = self.sidecar.clone();
        let audio = described!(self, host, now, mimetype, AudioMessage);
        wa::message::AudioMessage { streaming_sidecar, ..audio }
    }

    fn document(&self, host: &str, now: i64, mimetype: String) -> wa::message::DocumentMessage {
        described!(self, host, now, mimetype, DocumentMessage)
    }

    fn sticker(&self, host: &str, now: i64, mimetype: String) -> wa::message::StickerMessage {
        described!(self, host, now, mimetype, StickerMessage)
    }
}
