use async_trait::async_trait;
use bytes::Bytes;
use wharf_domain::{Error, Result, media::MediaFacts, message::MediaKind, ports::MediaTools};

/// Looks at the first bytes of a file and no further.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimpleMediaTools;

impl SimpleMediaTools {
    /// What files of a type begin with.
    const BEGINNINGS: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"RIFF", "image/webp"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"\0\0\0\x18ftyp", "video/mp4"),
        (b"%PDF-", "application/pdf"),
    ];
}

#[async_trait]
impl MediaTools for SimpleMediaTools {
    fn detect(&self, bytes: &Bytes) -> Option<String> {
        let known = Self::BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
        known.map(|(_, mime_type)| (*mime_type).to_owned())
    }

    async fn inspect(&self, kind: MediaKind, _: Bytes) -> Result<MediaFacts> {
        Ok(match kind {
            MediaKind::Image | MediaKind::Sticker => {
                MediaFacts { dimensions: Some((512, 512)), ..MediaFacts::default() }
            }
            MediaKind::Audio => MediaFacts { duration: Some(3), ..MediaFacts::default() },
            MediaKind::VoiceNote => MediaFacts {
                duration: Some(3),
                waveform: Some(vec![50; 64]),
                ..MediaFacts::default()
            },
            _ => MediaFacts::default(),
        })
    }

    async fn sticker(&self, bytes: Bytes) -> Result<Bytes> {
        match self.detect(&bytes) {
            Some(found) if found.starts_with("image/") => Ok([b"RIFF", &bytes[..]].concat().into()),
            _ => Err(Error::invalid("media", "is no picture")),
        }
    }
}
