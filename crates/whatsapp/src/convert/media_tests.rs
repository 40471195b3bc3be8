use wharf_domain::{
    address::Jid,
    media::MediaFacts,
    message::{MessageId, Quote},
};

use super::{super::context, *};

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
    let video = || MessageField::some(VideoMessage { seconds: Some(7), ..VideoMessage::default() });
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
    let found =
        media(&Message { document_message: MessageField::some(document), ..Message::default() });
    assert_eq!(found.kind, MediaKind::Document);
    assert_eq!(found.file_name.as_deref(), Some("nota.pdf"));
    assert_eq!(found.caption.as_deref(), Some("a nota"));
    let sticker = media(&Message {
        sticker_message: MessageField::some(StickerMessage::default()),
        ..Message::default()
    });
    assert_eq!((sticker.kind, sticker.file_name), (MediaKind::Sticker, None));
}
const KINDS: [MediaKind; 7] = [
    MediaKind::Image,
    MediaKind::Video,
    MediaKind::VideoNote,
    MediaKind::Audio,
    MediaKind::VoiceNote,
    MediaKind::Document,
    MediaKind::Sticker,
];

fn outgoing(kind: MediaKind) -> OutgoingMedia {
    OutgoingMedia {
        kind,
        bytes: Bytes::from_static(b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02"),
        mime_type: "application/x-test".to_owned(),
        file_name: Some("nota.pdf".to_owned()),
        caption: Some("a nota".to_owned()),
        facts: MediaFacts {
            dimensions: Some((640, 480)),
            thumbnail: Some(Bytes::from_static(b"jpeg")),
            duration: Some(7),
            waveform: Some(vec![0, 50, 100]),
        },
    }
}

fn uploaded() -> Uploaded {
    Uploaded {
        url: "https://mmg.example/1".to_owned(),
        direct_path: "/v/1".to_owned(),
        media_key: [1; 32],
        file_sha256: [2; 32],
        file_enc_sha256: [3; 32],
        file_length: 1024,
        media_key_timestamp: 1_700_000_000,
        streaming_sidecar: Some(vec![4; 10]),
    }
}

fn encoded(media: &OutgoingMedia, quote: Option<Quoted<'_>>) -> Message {
    codec::message_decode(&encode_media(media, uploaded(), quote)).unwrap()
}

#[test]
fn every_kind_survives_the_way_there_and_back() {
    for kind in KINDS {
        let message = encoded(&outgoing(kind), None);
        let media = media(unwrapped(&message));
        assert_eq!((media.kind, media.size), (kind, Some(1024)), "{kind:?}");
        assert_eq!(media.mime_type.as_deref(), Some("application/x-test"), "{kind:?}");
        let is_timed = matches!(
            kind,
            MediaKind::Video | MediaKind::VideoNote | MediaKind::Audio | MediaKind::VoiceNote
        );
        assert_eq!(media.duration, is_timed.then_some(7), "{kind:?}");
        let has_no_caption =
            matches!(kind, MediaKind::Audio | MediaKind::VoiceNote | MediaKind::Sticker);
        assert_eq!(media.caption.is_none(), has_no_caption, "{kind:?}");

        let found = downloadable(&message).unwrap();
        assert_eq!(found.direct_path(), Some("/v/1"), "{kind:?}");
        assert_eq!(found.media_key(), Some(&[1; 32][..]), "{kind:?}");
        assert_eq!(found.file_enc_sha256(), Some(&[3; 32][..]), "{kind:?}");
        assert_eq!(found.app_info().app_info(), media_type(kind).app_info(), "{kind:?}");
    }
}

#[test]
fn every_kind_can_be_an_answer() {
    let author = Jid::parse("5511999990001@s.whatsapp.net").unwrap();
    let message_id = MessageId::parse("3EB0A").unwrap();
    let quote = Quote { message_id, author: None, text: "tudo bem?".to_owned() };
    for kind in KINDS {
        let message = encoded(&outgoing(kind), Some((&quote, &author, None)));
        let context = context::of(unwrapped(&message)).unwrap();
        assert_eq!(context.stanza_id.as_deref(), Some("3EB0A"), "{kind:?}");
    }
}

#[test]
fn what_was_seen_in_media_goes_with_it() {
    let message = encoded(&outgoing(MediaKind::Image), None);
    let image = message.image_message.as_option().unwrap();
    assert_eq!((image.width, image.height), (Some(640), Some(480)));
    assert_eq!(image.jpeg_thumbnail.as_deref(), Some(&b"jpeg"[..]));
    let message = encoded(&outgoing(MediaKind::VoiceNote), None);
    let note = message.audio_message.as_option().unwrap();
    assert_eq!(note.waveform.as_deref(), Some(&[0, 50, 100][..]));
    assert_eq!(note.streaming_sidecar.as_deref(), Some(&[4; 10][..]));
}

#[test]
fn a_document_is_wrapped_for_the_sake_of_its_caption_only() {
    let captioned = outgoing(MediaKind::Document);
    assert!(encoded(&captioned, None).document_with_caption_message.is_set());
    let bare = OutgoingMedia { caption: None, ..captioned };
    let message = encoded(&bare, None);
    let document = message.document_message.as_option().unwrap();
    assert_eq!(document.title.as_deref(), Some("nota.pdf"));
    assert_eq!(document.file_name.as_deref(), Some("nota.pdf"));
}

#[test]
fn a_sticker_says_whether_it_moves_and_how_big_it_is() {
    let moving = outgoing(MediaKind::Sticker);
    let message = encoded(&moving, None);
    assert_eq!(message.sticker_message.as_option().unwrap().is_animated, Some(true));
    let still = OutgoingMedia {
        bytes: Bytes::from_static(b"RIFF\x00\x00\x00\x00WEBPVP8 "),
        facts: MediaFacts::default(),
        ..moving
    };
    let message = encoded(&still, None);
    let sticker = message.sticker_message.as_option().unwrap();
    assert_eq!(sticker.is_animated, Some(false));
    assert_eq!((sticker.width, sticker.height), (Some(512), Some(512)));
}

#[test]
fn a_text_has_nothing_to_fetch() {
    let text = Message { conversation: Some("ol\u{e1}".to_owned()), ..Message::default() };
    assert!(downloadable(&text).is_none());
}
