//! Which files may go out as which kind of media, and of which type.

use wharf_domain::{Error, Result, message::MediaKind};

use crate::media::ending_of;

/// The type of what says nothing of itself.
const UNKNOWN: &str = "application/octet-stream";
/// What a voice note recorded by WhatsApp is.
const VOICE: &str = "audio/ogg; codecs=opus";

/// The type a file goes out as: by its content, which has to be of the kind it is sent as. What the caller says
/// counts for documents, and where a container may hold sound as well as film.
pub(super) fn type_of(
    kind: MediaKind,
    found: Option<&str>,
    given: Option<&str>,
    served: Option<&str>,
) -> Result<String> {
    let refused = |what| {
        let found = found.map_or_else(String::new, |found| format!(", which is {found}"));
        Err(Error::invalid("mediaUrl", format!("is no {what} by its content{found}")))
    };
    let found_is = |main: &str| found.is_some_and(|found| found.starts_with(main));
    match kind {
        MediaKind::Image | MediaKind::Sticker if !found_is("image/") => refused("image"),
        MediaKind::Video | MediaKind::VideoNote if !found_is("video/") => refused("video"),
        MediaKind::Audio | MediaKind::VoiceNote => match sound(found, given) {
            Some(sound) if kind == MediaKind::VoiceNote && sound == "audio/ogg" => {
                Ok(VOICE.to_owned())
            }
            Some(sound) => Ok(sound),
            None => refused("audio"),
        },
        MediaKind::Document => Ok(given.or(found).or(served).unwrap_or(UNKNOWN).to_owned()),
        _ => Ok(found.unwrap_or(UNKNOWN).to_owned()),
    }
}

/// The type of a sound file; nothing when it is none.
fn sound(found: Option<&str>, given: Option<&str>) -> Option<String> {
    let found = found?;
    let is_sound = |mime: &&str| mime.to_ascii_lowercase().starts_with("audio/");
    match found {
        "application/ogg" => Some("audio/ogg".to_owned()),
        // The same containers hold film and sound; whoever recorded it knows.
        "video/mp4" | "video/webm" | "video/3gpp" | "video/ogg" => {
            given.filter(is_sound).map(str::to_owned)
        }
        found if found.starts_with("audio/") => Some(found.to_owned()),
        _ => None,
    }
}

/// What a document is called when nobody named it.
pub(super) fn generic_name(mime_type: &str) -> String {
    format!("document.{}", ending_of(mime_type).unwrap_or("bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: MediaKind, found: Option<&str>, given: Option<&str>) -> Option<String> {
        type_of(kind, found, given, None).ok()
    }

    #[test]
    fn the_content_decides_what_a_file_may_be_sent_as() {
        use MediaKind::{Audio, Document, Image, Video, VoiceNote};
        for (kind, found, given, expected) in [
            (Image, Some("image/png"), Some("image/jpeg"), Some("image/png")),
            (Image, Some("application/pdf"), Some("image/png"), None),
            (Image, None, Some("image/png"), None),
            (Video, Some("video/mp4"), None, Some("video/mp4")),
            (Video, Some("image/gif"), None, None),
            (VoiceNote, Some("audio/ogg"), None, Some(VOICE)),
            (VoiceNote, Some("audio/mpeg"), None, Some("audio/mpeg")),
            (Audio, Some("audio/ogg"), None, Some("audio/ogg")),
            (Audio, Some("video/webm"), None, None),
            (Audio, Some("video/webm"), Some("audio/webm"), Some("audio/webm")),
            (Document, None, None, Some(UNKNOWN)),
            (
                Document,
                Some("application/zip"),
                Some("application/x-jar"),
                Some("application/x-jar"),
            ),
        ] {
            let found_type = judged(kind, found, given);
            assert_eq!(found_type.as_deref(), expected, "{kind:?} {found:?} {given:?}");
        }
    }

    #[test]
    fn a_document_without_a_name_gets_one() {
        assert_eq!(generic_name("application/pdf"), "document.pdf");
        assert_eq!(generic_name("application/x-odd"), "document.bin");
    }
}
