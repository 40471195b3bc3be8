//! Media and stickers that callers want sent.

use bytes::Bytes;
use wharf_domain::{
    Error,
    event::EventBody,
    media::FetchedMedia,
    message::{Content, Media, MediaKind, Message},
    send_media::{MediaRequest, SendMedia, SendSticker, StickerRequest},
};
use wharf_testkit::build;

use crate::World;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const URL: &str = "https://files.example.com/a/cat.png";

fn request(kind: &str, url: &str) -> MediaRequest {
    MediaRequest {
        number: "5511999990002".to_owned(),
        media_type: kind.to_owned(),
        media_url: Some(url.to_owned()),
        ..MediaRequest::default()
    }
}

fn parsed(request: MediaRequest) -> SendMedia {
    SendMedia::parse(request, 1000).unwrap()
}

fn file(bytes: &'static [u8]) -> FetchedMedia {
    let file_name = Some("cat.png".to_owned());
    FetchedMedia { bytes: Bytes::from_static(bytes), mime_type: None, file_name }
}

fn media_of(message: &Message) -> Media {
    match &message.content {
        Content::Media(media) => media.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_from_a_url_is_looked_at_uploaded_sent_and_told() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.files.put(URL, file(PNG));
    let wanted = parsed(MediaRequest {
        caption: Some("my cat".to_owned()),
        source: Some("crm".to_owned()),
        ..request("image", URL)
    });
    let sent = world.services.messages.send_media(&instance, wanted, None).await.unwrap();
    let media = media_of(&sent);
    assert_eq!(media.kind, MediaKind::Image);
    assert_eq!(media.mime_type.as_deref(), Some("image/png"));
    assert_eq!(media.size, Some(PNG.len() as u64));
    assert_eq!(media.caption.as_deref(), Some("my cat"));
    assert!(media.url.unwrap().starts_with("https://mmg.whatsapp.net/"));
    assert_eq!(sent.source.as_deref(), Some("crm"));
    let uploaded = &world.whatsapp.uploaded()[0];
    assert_eq!(uploaded.bytes, PNG);
    assert_eq!(uploaded.facts.dimensions, Some((512, 512)));
    assert_eq!(uploaded.file_name, None, "only documents show one");
    world
        .eventually("the event", |w| {
            w.sink.delivered().iter().any(
                |event| matches!(&event.body, EventBody::Message(message) if **message == sent),
            )
        })
        .await;
    assert_eq!(world.store.messages(instance.id)[0].message, sent);
}

#[tokio::test]
async fn what_the_caller_knows_of_a_voice_note_counts_and_the_rest_is_found_out() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    let voice = MediaRequest {
        media_url: None,
        media_base64: Some("T2dnUw==".to_owned()),
        duration: Some(7.4),
        ..request("audio", "")
    };
    let sent = world.services.messages.send_media(&instance, parsed(voice), None).await.unwrap();
    let media = media_of(&sent);
    assert_eq!((media.kind, media.duration), (MediaKind::VoiceNote, Some(7)));
    assert_eq!(media.mime_type.as_deref(), Some("audio/ogg; codecs=opus"));
    assert_eq!(world.whatsapp.uploaded()[0].facts.waveform, Some(vec![50; 64]));
    let document = request("document", "JVBERi0=");
    let sent = world.services.messages.send_media(&instance, parsed(document), None).await.unwrap();
    let media = media_of(&sent);
    assert_eq!(media.mime_type.as_deref(), Some("application/pdf"));
    assert_eq!(media.file_name.as_deref(), Some("document.pdf"));
}

#[tokio::test]
async fn a_file_that_is_not_what_it_is_sent_as_is_refused_and_nothing_is_sent() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.files.put(URL, file(b"%PDF-1.7"));
    let missing = "https://files.example.com/missing";
    for (kind, url, words) in [
        ("image", URL, "is no image by its content, which is application/pdf"),
        ("video", URL, "is no video"),
        ("audio", "aGVsbG8=", "is no audio"),
        ("image", missing, "404"),
    ] {
        let wanted = parsed(request(kind, url));
        let refused = world.services.messages.send_media(&instance, wanted, None).await;
        match refused {
            Err(Error::Invalid { field: "mediaUrl", reason }) => {
                assert!(reason.contains(words), "{kind} {url}: {reason}");
            }
            other => panic!("{kind} {url}: {other:?}"),
        }
    }
    let handed_in = MediaRequest {
        media_url: None,
        media_base64: Some("aGVsbG8=".to_owned()),
        ..request("image", "")
    };
    let refused = world.services.messages.send_media(&instance, parsed(handed_in), None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "mediaBase64", .. })), "{refused:?}");
    assert!(world.whatsapp.sent().is_empty() && world.whatsapp.uploaded().is_empty());
    assert!(world.store.messages(instance.id).is_empty());
}

#[tokio::test]
async fn files_that_wait_for_room_keep_others_from_being_fetched() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    // Half of the room is for what is sent, so that one of them takes it all.
    world.files.put(URL, FetchedMedia { bytes: vec![0; 64 << 20].into(), ..file(PNG) });
    world.whatsapp.slow_media(true);
    let mut sends = Vec::new();
    for _ in 0..20 {
        let (messages, instance) = (world.services.messages.clone(), instance.clone());
        let wanted = parsed(request("document", URL));
        sends.push(tokio::spawn(async move { messages.send_media(&instance, wanted, None).await }));
    }
    world.settle().await;
    assert!(world.files.fetched().len() <= 5, "{} files", world.files.fetched().len());
    world.whatsapp.slow_media(false);
    for send in sends {
        send.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_nobody() {
    let world = World::started().await;
    let fresh = world.instance("fresh").await;
    let wanted = parsed(request("image", URL));
    let refused = world.services.messages.send_media(&fresh, wanted.clone(), None).await;
    assert!(matches!(refused, Err(Error::NotConnected)), "{refused:?}");
    let (instance, _) = world.connected("sales").await;
    for form in wharf_domain::address::PhoneNumber::parse("5511999990002").unwrap().forms() {
        world.whatsapp.unregister(&form);
    }
    let refused = world.services.messages.send_media(&instance, wanted, None).await;
    assert!(matches!(refused, Err(Error::NotRegistered(_))), "{refused:?}");
    assert!(world.files.fetched().is_empty());
}

#[tokio::test]
async fn a_failed_upload_sends_nothing_and_a_repeat_under_its_key_tries_again() {
    let world = World::started().await;
    let (instance, _) = world.connected("sales").await;
    world.files.put(URL, file(PNG));
    let messages = &world.services.messages;
    let key = || Some("order-17".to_owned());
    world.whatsapp.fail_media(Some("down"));
    let failed = messages.send_media(&instance, parsed(request("image", URL)), key()).await;
    assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
    assert!(world.store.messages(instance.id).is_empty());
    world.whatsapp.fail_media(None);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = messages.send_media(&instance, parsed(request("image", URL)), key()).await;
        ids.push(sent.unwrap().id);
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.whatsapp.sent().len(), 1);
    let other = "https://files.example.com/b/dog.png";
    let mismatch = messages.send_media(&instance, parsed(request("image", other)), key()).await;
    assert!(matches!(mismatch, Err(Error::IdempotencyMismatch)), "{mismatch:?}");
}

#[tokio::test]
async fn any_picture_becomes_a_sticker_and_may_answer_a_message() {
    let world = World::started().await;
    let (instance, session) = world.connected("sales").await;
    let question = build::incoming(&build::phone("5511999990002"), "how was it?");
    session.receive(question.clone()).await.unwrap();
    world.files.put(URL, file(PNG));
    let sticker = |url: &str| {
        let request = StickerRequest {
            number: "5511999990002".to_owned(),
            image_url: url.to_owned(),
            reply_to: Some(question.id.to_string()),
            ..StickerRequest::default()
        };
        SendSticker::parse(request, 1000).unwrap()
    };
    let messages = &world.services.messages;
    let sent = messages.send_sticker(&instance, sticker(URL), None).await.unwrap();
    let media = media_of(&sent);
    assert_eq!(media.kind, MediaKind::Sticker);
    assert_eq!(media.mime_type.as_deref(), Some("image/webp"));
    assert_eq!(sent.quote.unwrap().message_id, question.id);
    assert_eq!(sent.chat.party.name.as_deref(), Some("Ana"), "as she calls herself");
    let refused = messages.send_sticker(&instance, sticker("aGVsbG8="), None).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "imageUrl", .. })), "{refused:?}");
}
