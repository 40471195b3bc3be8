use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use wharf_domain::{
    Error, Resource,
    media::{MediaFacts, OutgoingMedia},
    message::{Content, Media, MediaKind, Message, MessageId, Quote},
    ports::Outgoing,
};
use wharf_whatsapp_sim::{
    MediaKind as Shown, NewMedia, ShownMedia,
    faults::{Fault, Limit, NewFault, Target},
};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World},
};

/// As a phone and as we call it.
const KINDS: [(Shown, MediaKind); 7] = [
    (Shown::Image, MediaKind::Image),
    (Shown::Video, MediaKind::Video),
    (Shown::Ptv, MediaKind::VideoNote),
    (Shown::Audio, MediaKind::Audio),
    (Shown::Voice, MediaKind::VoiceNote),
    (Shown::Document, MediaKind::Document),
    (Shown::Sticker, MediaKind::Sticker),
];
const NO_LIMIT: u64 = u64::MAX;
/// More than fits into any buffer on the way, and enough to be uploaded in the resumable way.
const LARGE: usize = 12 << 20;

fn file(kind: Shown, bytes: &[u8]) -> NewMedia {
    NewMedia {
        kind,
        bytes: bytes.to_vec(),
        mime_type: None,
        file_name: Some("nota.pdf".to_owned()),
        caption: Some("olha".to_owned()),
        seconds: Some(7),
    }
}

/// Not the same everywhere, so that a piece in the wrong place shows.
fn large() -> Vec<u8> {
    (0..LARGE).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

async fn received(live: &Live, id: &str) -> (Message, Bytes) {
    live.recorder
        .wait_for("message", |told| match told {
            Told::Inbound(inbound) if inbound.message.id.as_str() == id => {
                Some((inbound.message.clone(), inbound.raw.clone()))
            }
            _ => None,
        })
        .await
}

fn media(message: Message) -> Media {
    let Content::Media(media) = message.content else { panic!("{message:?}") };
    media
}

#[tokio::test]
async fn every_kind_of_media_is_told_and_downloaded() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    for (shown, kind) in KINDS {
        let bytes = format!("isto é {kind:?}").into_bytes();
        let id = ana.send_media(OWN, file(shown, &bytes)).await.unwrap();
        let (message, raw) = received(&paired.live, &id).await;
        let media = media(message);
        assert_eq!((media.kind, media.size), (kind, Some(bytes.len() as u64)));
        let body = paired.live.session.download(&raw, NO_LIMIT).await.unwrap();
        assert_eq!(body.size, bytes.len() as u64);
        assert_eq!(body.read().await.unwrap(), bytes, "{kind:?}");
    }
}

#[tokio::test]
async fn a_large_file_comes_in_small_pieces() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let bytes = large();
    let id = ana.send_media(OWN, file(Shown::Document, &bytes)).await.unwrap();
    let (_, raw) = received(&paired.live, &id).await;
    let mut body = paired.live.session.download(&raw, LARGE as u64).await.unwrap();
    let (mut hash, mut largest) = (Sha256::new(), 0);
    while let Some(piece) = body.bytes.next().await {
        let piece = piece.unwrap();
        largest = largest.max(piece.len());
        hash.update(piece);
    }
    assert_eq!(hash.finalize(), Sha256::digest(&bytes));
    assert!(largest <= 64 << 10, "{largest}");
}

#[tokio::test]
async fn more_than_is_wanted_is_not_downloaded() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_media(OWN, file(Shown::Image, &[7; 1000])).await.unwrap();
    let (_, raw) = received(&paired.live, &id).await;
    let refusal = paired.live.session.download(&raw, 999).await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { field: "media", .. }), "{refusal:?}");
    paired.live.session.download(&raw, 1000).await.unwrap();
}

#[tokio::test]
async fn what_is_no_media_cannot_be_found() {
    let world = World::new().await;
    let paired = world.pair().await;
    let raw = paired.live.session.encode_text("olá", None);
    let refusal = paired.live.session.download(&raw, NO_LIMIT).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Media)), "{refusal:?}");
}

#[tokio::test]
async fn media_that_whatsapp_keeps_no_more_cannot_be_found() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_media(OWN, file(Shown::Image, b"foto")).await.unwrap();
    let (_, raw) = received(&paired.live, &id).await;
    media_fault(&world, Fault::ExpireMedia);
    let refusal = paired.live.session.download(&raw, NO_LIMIT).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Media)), "{refusal:?}");
    world.simulator.clear_faults();
    paired.live.session.download(&raw, NO_LIMIT).await.unwrap();
}

#[tokio::test]
async fn media_hosts_that_are_down_say_nothing_about_the_media() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_media(OWN, file(Shown::Image, b"foto")).await.unwrap();
    let (_, raw) = received(&paired.live, &id).await;
    media_fault(&world, Fault::MediaDown);
    let failure = paired.live.session.download(&raw, NO_LIMIT).await.unwrap_err();
    assert!(matches!(failure, Error::Unavailable { .. }), "{failure:?}");
    let failure = paired.live.session.prepare_media(&photo(), None).await.unwrap_err();
    assert!(matches!(failure, Error::Unavailable { .. }), "{failure:?}");
    world.simulator.clear_faults();
    paired.live.session.download(&raw, NO_LIMIT).await.unwrap();
}

fn media_fault(world: &World, fault: Fault) {
    let fault = NewFault { target: Target::All, fault, limit: Limit::Cleared };
    world.simulator.add_fault(fault).unwrap();
}

fn outgoing(kind: MediaKind, bytes: &[u8]) -> OutgoingMedia {
    OutgoingMedia {
        kind,
        bytes: Bytes::copy_from_slice(bytes),
        mime_type: "application/x-test".to_owned(),
        file_name: Some("nota.pdf".to_owned()),
        caption: Some("olha".to_owned()),
        facts: MediaFacts {
            dimensions: Some((512, 512)),
            thumbnail: Some(Bytes::from_static(b"jpeg")),
            duration: Some(7),
            waveform: Some(vec![50; 64]),
        },
    }
}

/// A picture to be sent.
pub fn photo() -> OutgoingMedia {
    outgoing(MediaKind::Image, b"foto")
}

/// Sends media to Ana's phone.
async fn send(
    live: &Live,
    media: &OutgoingMedia,
    quote: Option<(&Quote, &wharf_domain::address::Jid, Option<&Bytes>)>,
) -> MessageId {
    let prepared = live.session.prepare_media(media, quote).await.unwrap();
    assert!(prepared.url.is_some_and(|url| url.starts_with("https://")));
    let outgoing = Outgoing { raw: prepared.raw, ..live.outgoing(ANA, "") };
    live.session.send(&outgoing).await.unwrap();
    outgoing.id
}

#[tokio::test]
async fn every_kind_of_media_reaches_the_phone() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    for (shown, kind) in KINDS {
        let bytes = format!("isto é {kind:?}").into_bytes();
        let id = send(&paired.live, &outgoing(kind, &bytes), None).await;
        let message = ana.wait_for_message(|message| message.id == id.as_str()).await.unwrap();
        let media = message.media.unwrap();
        assert_eq!(media.kind, shown);
        assert_eq!(media.mime_type.as_deref(), Some("application/x-test"), "{kind:?}");
        assert_eq!(media.sha256, Some(hex::encode(Sha256::digest(&bytes))), "{kind:?}");
        check_facts(&media);
        assert_eq!(ana.media(id.as_str()).await.unwrap(), bytes, "{kind:?}");
    }
}

/// Asserts that what is known of media has come with it.
fn check_facts(media: &ShownMedia) {
    let has_caption =
        matches!(media.kind, Shown::Image | Shown::Video | Shown::Ptv | Shown::Document);
    assert_eq!(media.caption.as_deref(), has_caption.then_some("olha"), "{media:?}");
    let is_timed = matches!(media.kind, Shown::Video | Shown::Ptv | Shown::Audio | Shown::Voice);
    assert_eq!(media.seconds, is_timed.then_some(7), "{media:?}");
    let is_seen = matches!(media.kind, Shown::Image | Shown::Video | Shown::Ptv | Shown::Sticker);
    assert_eq!(media.width, is_seen.then_some(512), "{media:?}");
    let file_name = (media.kind == Shown::Document).then_some("nota.pdf");
    assert_eq!(media.file_name.as_deref(), file_name, "{media:?}");
    if media.kind == Shown::Voice {
        assert!(media.waveform.is_some(), "{media:?}");
    }
}

#[tokio::test]
async fn a_large_file_reaches_the_phone() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let bytes = large();
    let id = send(&paired.live, &outgoing(MediaKind::Document, &bytes), None).await;
    ana.wait_for_message(|message| message.id == id.as_str()).await.unwrap();
    assert_eq!(ana.media(id.as_str()).await.unwrap(), bytes);
}

#[tokio::test]
async fn media_can_be_an_answer() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let asked = ana.send_text(OWN, "tem foto?").await.unwrap();
    let (question, raw) = received(&paired.live, &asked).await;
    let quote = Quote { message_id: question.id, author: None, text: "tem foto?".to_owned() };
    let quoted = (&quote, &question.sender.jid, Some(&raw));
    let id = send(&paired.live, &photo(), Some(quoted)).await;
    let shown = ana.wait_for_message(|message| message.id == id.as_str()).await.unwrap();
    assert_eq!(shown.quoted_id.as_deref(), Some(asked.as_str()));
}

#[tokio::test]
async fn without_a_connection_nothing_is_uploaded_or_downloaded() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.send_media(OWN, file(Shown::Image, b"foto")).await.unwrap();
    let (_, raw) = received(&paired.live, &id).await;
    paired.live.session.stop().await;
    let refusal = paired.live.session.prepare_media(&photo(), None).await.unwrap_err();
    assert!(matches!(refusal, Error::NotConnected), "{refusal:?}");
    paired.live.session.download(&raw, NO_LIMIT).await.unwrap_err();
}
