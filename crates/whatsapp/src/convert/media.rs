use waproto::whatsapp::Message;
use wharf_domain::message::{Media, MediaKind};

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

#[cfg(test)]
mod tests {
    use waproto::{
        buffa::MessageField,
        whatsapp::message::{
            AudioMessage, DocumentMessage, ImageMessage, StickerMessage, VideoMessage,
        },
    };

    use super::*;

    fn media(message: &Message) -> Media {
        of(message).unwrap()
    }

    #[test]
    fn an_image_keeps_what_its_sender_said_of_it() {
        let image = ImageMessage {
            url: Some("https://mmg.example/1".to_owned()),
            mimetype: Some("image/jpeg".to_owned()),
            caption: Some("praia".to_owned()),
            file_length: Some(1024),
            ..ImageMessage::default()
        };
        let message = Message { image_message: MessageField::some(image), ..Message::default() };
        let expected = Media {
            kind: MediaKind::Image,
            url: Some("https://mmg.example/1".to_owned()),
            mime_type: Some("image/jpeg".to_owned()),
            file_name: None,
            caption: Some("praia".to_owned()),
            size: Some(1024),
            duration: None,
        };
        assert_eq!(media(&message), expected);
    }

    #[test]
    fn videos_and_sounds_come_in_two_kinds_each() {
        let video =
            || MessageField::some(VideoMessage { seconds: Some(7), ..VideoMessage::default() });
        let audio = |ptt| {
            MessageField::some(AudioMessage {
                ptt: Some(ptt),
                seconds: Some(7),
                ..AudioMessage::default()
            })
        };
        let table = [
            (Message { video_message: video(), ..Message::default() }, MediaKind::Video),
            (Message { ptv_message: video(), ..Message::default() }, MediaKind::VideoNote),
            (Message { audio_message: audio(false), ..Message::default() }, MediaKind::Audio),
            (Message { audio_message: audio(true), ..Message::default() }, MediaKind::VoiceNote),
        ];
        for (message, kind) in table {
            let media = media(&message);
            assert_eq!((media.kind, media.duration), (kind, Some(7)));
        }
    }

    #[test]
    fn documents_have_names_and_stickers_have_not() {
        let document = DocumentMessage {
            file_name: Some("nota.pdf".to_owned()),
            caption: Some("a nota".to_owned()),
            ..DocumentMessage::default()
        };
        let found = media(&Message {
            document_message: MessageField::some(document),
            ..Message::default()
        });
        assert_eq!(found.kind, MediaKind::Document);
        assert_eq!(found.file_name.as_deref(), Some("nota.pdf"));
        assert_eq!(found.caption.as_deref(), Some("a nota"));
        let sticker = media(&Message {
            sticker_message: MessageField::some(StickerMessage::default()),
            ..Message::default()
        });
        assert_eq!((sticker.kind, sticker.file_name), (MediaKind::Sticker, None));
    }
}
