use crate::mp4;

/// The type of a file by its content, in the spelling that WhatsApp's own clients use.
pub(crate) fn mime_type(bytes: &[u8]) -> Option<&'static str> {
    let found = infer::get(bytes)?.mime_type();
    Some(match found {
        // A voice note is nothing else, and no client plays it under another name.
        "audio/opus" => "audio/ogg; codecs=opus",
        "audio/m4a" => "audio/mp4",
        "audio/x-wav" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/x-aiff" => "audio/aiff",
        "video/mp4" | "video/x-m4v" => {
            // Sound alone often comes in a container that says nothing of it.
            let has_picture = mp4::read(bytes).is_none_or(|film| film.has_picture);
            if has_picture { "video/mp4" } else { "audio/mp4" }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_type() {
        for (content, expected) in [
            (&b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
            (b"GIF89a\x01\0\x01\0\0\0\0", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 \0\0\0\0", Some("image/webp")),
            (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", Some("audio/wav")),
            (b"%PDF-1.7\n", Some("application/pdf")),
            (b"PK\x03\x04\x14\0\0\0", Some("application/zip")),
            (b"ID3\x04\0\0\0\0\0\0", Some("audio/mpeg")),
            (b"\0\0\0\x18ftypM4A \0\0\0\0", Some("audio/mp4")),
            (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", Some("video/mp4")),
            (b"just text", None),
            (b"", None),
        ] {
            assert_eq!(mime_type(content), expected, "{:?}", String::from_utf8_lossy(content));
        }
        let mut opus = b"OggS\0\x02".to_vec();
        opus.resize(28, 0);
        opus.extend_from_slice(b"OpusHead\x01\x01");
        assert_eq!(mime_type(&opus), Some("audio/ogg; codecs=opus"));
    }
}
