//! A file on its way into a message.

use wacore::download::MediaType;
use wacore::upload::{EncryptedMediaInfo, MediaEncryptor};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::{DIRECTORY, MediaKind, NewMedia, name_of};

/// A voice note's loudness is shown in this many columns of up to 100.
const COLUMNS: usize = 64;
const LOUDNESS: u8 = 50;
/// How long plays what nobody says the length of: phones always give one.
const SHORTEST: u32 = 1;

/// A file that has been encrypted.
pub(crate) struct Sealed {
    /// What is uploaded.
    pub(crate) blob: Vec<u8>,
    info: EncryptedMediaInfo,
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
    Ok(Sealed { blob, info })
}

impl NewMedia {
    pub(crate) fn seal(&self) -> Result<Sealed, Box<dyn std::error::Error + Send + Sync>> {
        seal(&self.bytes, self.kind.media_type())
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
        message.message_context_info = MessageField::some(wa::MessageContextInfo {
            message_secret: Some(rand::random::<[u8; 32]>().to_vec()),
            ..Default::default()
        });
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
            file_sha256: Some($sealed.info.file_sha256.to_vec()),
            file_enc_sha256: Some($sealed.info.file_enc_sha256.to_vec()),
            file_length: Some($sealed.info.file_length),
            media_key: Some($sealed.info.media_key.to_vec()),
            media_key_timestamp: Some($now),
            ..Default::default()
        }
    };
}

impl Sealed {
    /// Its name on the media host.
    pub(crate) fn name(&self) -> String {
        name_of(&self.info.file_enc_sha256)
    }

    /// Its path there.
    fn path(&self) -> String {
        format!("{DIRECTORY}{}", self.name())
    }

    /// What is said of history.
    pub(crate) fn history(&self) -> wa::message::HistorySyncNotification {
        wa::message::HistorySyncNotification {
            direct_path: Some(self.path()),
            file_sha256: Some(self.info.file_sha256.to_vec()),
            file_enc_sha256: Some(self.info.file_enc_sha256.to_vec()),
            file_length: Some(self.info.file_length),
            media_key: Some(self.info.media_key.to_vec()),
            ..Default::default()
        }
    }

    fn image(&self, host: &str, now: i64, mimetype: String) -> wa::message::ImageMessage {
        described!(self, host, now, mimetype, ImageMessage)
    }

    fn video(&self, host: &str, now: i64, mimetype: String) -> wa::message::VideoMessage {
        let streaming_sidecar = self.info.streaming_sidecar.clone();
        let video = described!(self, host, now, mimetype, VideoMessage);
        wa::message::VideoMessage { streaming_sidecar, ..video }
    }

    fn audio(&self, host: &str, now: i64, mimetype: String) -> wa::message::AudioMessage {
        let streaming_sidecar = self.info.streaming_sidecar.clone();
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
