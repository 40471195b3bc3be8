use super::*;

type Change = fn(&mut wa::message::ImageMessage);

const HOST: &str = "127.0.0.1:1";

fn new(kind: MediaKind) -> NewMedia {
    NewMedia {
        kind,
        bytes: b"what is in it".to_vec(),
        mime_type: None,
        file_name: Some("a.bin".to_owned()),
        caption: Some("look".to_owned()),
        seconds: Some(3),
    }
}

fn sent(kind: MediaKind) -> (wa::Message, Vec<u8>) {
    let media = new(kind);
    let sealed = media.seal().unwrap();
    let message = media.message(&sealed, HOST, 1);
    (message, sealed.blob)
}

#[test]
fn every_kind_is_read_as_what_it_was_sent_as() {
    for kind in [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Audio,
        MediaKind::Voice,
        MediaKind::Document,
        MediaKind::Sticker,
        MediaKind::Ptv,
    ] {
        let (message, blob) = sent(kind);
        let attachment = Attachment::of(&message).unwrap();
        assert_eq!(attachment.name().unwrap(), name_of(&Sha256::digest(&blob)));
        assert_eq!(attachment.open(blob).unwrap(), b"what is in it");
        let shown = attachment.shown();
        assert_eq!((shown.kind, shown.size), (kind, Some(13)));
        assert_eq!(shown.sha256, Some(hex::encode(Sha256::digest(b"what is in it"))));
        assert_eq!(shown.waveform.is_some(), kind == MediaKind::Voice);
    }
}

#[test]
fn a_file_that_is_not_as_described_is_told_apart() {
    let (message, blob) = sent(MediaKind::Image);
    let open = |change: Change, blob: Vec<u8>| {
        let mut message = message.clone();
        change(message.image_message.as_option_mut().unwrap());
        Attachment::of(&message).unwrap().open(blob)
    };
    let mut other = blob.clone();
    other[0] ^= 1;
    assert_eq!(open(|_| {}, other), Err(MediaError::EncryptedHash));
    let cases: [(Change, MediaError); 4] = [
        (|image| image.media_key = None, MediaError::Missing("mediaKey")),
        (|image| image.media_key = Some(vec![1; 32]), MediaError::Authentication),
        (|image| image.file_sha256 = Some(vec![1; 32]), MediaError::Hash),
        (|image| image.file_length = Some(1), MediaError::Length { said: 1, is: 13 }),
    ];
    for (change, error) in cases {
        assert_eq!(open(change, blob.clone()), Err(error));
    }
}

#[test]
fn a_path_outside_of_the_media_host_leads_nowhere() {
    let (mut message, _) = sent(MediaKind::Image);
    let image = message.image_message.as_option_mut().unwrap();
    image.direct_path = Some("/elsewhere/x".to_owned());
    let name = Attachment::of(&message).unwrap().name().map(str::to_owned);
    assert_eq!(name, Err(MediaError::NotThere("/elsewhere/x".to_owned())));
}
