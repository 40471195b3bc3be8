//! Files: from phones to clients and from clients to phones, by way of the media host.

use std::sync::Arc;

use serde_json::json;
use wacore::download::MediaType;
use wacore::proto_helpers::MessageExt as _;
use waproto::whatsapp as wa;
use wharf_whatsapp_sim::{Error, MediaError, MediaKind, NewMedia, Phone, ShownMessage, Simulator};
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::upload::UploadOptions;
use whatsapp_rust::{Jid, buffa::MessageField};

use crate::client::TestClient;
use crate::faults::fault;

/// More than a client uploads without asking first whether it has to.
const LARGE: usize = 12 << 20;

/// What is done to a description.
type Change = fn(&mut wa::message::ImageMessage);

struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    client: TestClient,
}

/// Ana has a client, Bia has not.
async fn scene() -> Scene {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bia = sim.create_phone("5511999990002", "Bia").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    Scene { sim, ana, bia, client }
}

fn file(kind: MediaKind, bytes: &[u8]) -> NewMedia {
    NewMedia {
        kind,
        bytes: bytes.to_vec(),
        mime_type: None,
        file_name: Some("report.pdf".to_owned()),
        caption: Some("look".to_owned()),
        seconds: Some(7),
    }
}

/// Not the same everywhere, so that a piece in the wrong place shows.
fn large() -> Vec<u8> {
    (0..LARGE).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

impl Scene {
    async fn got(&self, id: &str) -> (Arc<wa::Message>, Arc<MessageInfo>) {
        self.client.message(id).await
    }

    /// What the client downloads of a message that a phone has sent.
    async fn downloaded(&self, id: &str) -> Vec<u8> {
        let (message, _) = self.got(id).await;
        let message = message.get_base_message();
        let client = &self.client.client;
        if let Some(image) = message.image_message.as_option() {
            client.download(image).await
        } else if let Some(video) = message.video_message.as_option() {
            client.download(video).await
        } else if let Some(video) = message.ptv_message.as_option() {
            client.download(video).await
        } else if let Some(audio) = message.audio_message.as_option() {
            client.download(audio).await
        } else if let Some(document) = message.document_message.as_option() {
            client.download(document).await
        } else {
            client.download(message.sticker_message.as_option().unwrap()).await
        }
        .unwrap()
    }

    async fn image(&self, bytes: Vec<u8>) -> wa::message::ImageMessage {
        let options = UploadOptions::default();
        let uploaded = self.client.client.upload(bytes, MediaType::Image, options).await.unwrap();
        wa::message::ImageMessage {
            url: Some(uploaded.url),
            direct_path: Some(uploaded.direct_path),
            media_key: Some(uploaded.media_key.to_vec()),
            file_sha256: Some(uploaded.file_sha256.to_vec()),
            file_enc_sha256: Some(uploaded.file_enc_sha256.to_vec()),
            file_length: Some(uploaded.file_length),
            mimetype: Some("image/png".to_owned()),
            caption: Some("look".to_owned()),
            width: Some(2),
            height: Some(1),
            jpeg_thumbnail: Some(vec![0xff, 0xd8]),
            ..Default::default()
        }
    }

    /// The client sends an image to Bia, whose phone shows it.
    async fn shown(&self, image: wa::message::ImageMessage) -> ShownMessage {
        let message =
            wa::Message { image_message: MessageField::some(image), ..Default::default() };
        let to: Jid = self.bia.jid().parse().unwrap();
        let sent = self.client.client.send_message(to, message).await.unwrap();
        self.bia.wait_for_message(|message| message.id == sent.message_id).await.unwrap()
    }
}

#[tokio::test]
async fn every_kind_of_file_reaches_a_client() {
    let scene = scene().await;
    for kind in [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Audio,
        MediaKind::Voice,
        MediaKind::Document,
        MediaKind::Sticker,
        MediaKind::Ptv,
    ] {
        let bytes = format!("what is in the {kind:?}").into_bytes();
        let sent = file(kind, &bytes);
        let id = scene.bia.send_media(&scene.ana.number(), sent).await.unwrap();
        assert_eq!(scene.downloaded(&id).await, bytes, "{kind:?}");
        let (_, info) = scene.got(&id).await;
        assert_eq!(info.push_name, "Bia");
        let shown = scene.ana.wait_for_message(|message| message.id == id).await.unwrap();
        assert_eq!(shown.media.unwrap().kind, kind);
        assert_eq!(scene.ana.media(&id).await.unwrap(), bytes, "{kind:?}");
    }
    assert!(scene.sim.stats().unknown.is_empty(), "{:?}", scene.sim.stats());
}

#[tokio::test]
async fn a_message_says_what_a_phone_says_of_a_file() {
    let scene = scene().await;
    let ana = scene.ana.number();
    let id = scene.bia.send_media(&ana, file(MediaKind::Voice, b"hello")).await.unwrap();
    let (message, _) = scene.got(&id).await;
    let voice = message.get_base_message().audio_message.as_option().unwrap();
    assert_eq!(voice.mimetype.as_deref(), Some("audio/ogg; codecs=opus"));
    assert_eq!((voice.ptt, voice.seconds, voice.file_length), (Some(true), Some(7), Some(5)));
    assert!(voice.url.as_deref().unwrap().ends_with(voice.direct_path.as_deref().unwrap()));
    assert_eq!(voice.waveform.as_ref().map(Vec::len), Some(64));
    assert!(voice.streaming_sidecar.is_some() && voice.media_key_timestamp.is_some());

    let id = scene.bia.send_media(&ana, file(MediaKind::Document, b"hello")).await.unwrap();
    let (message, _) = scene.got(&id).await;
    let document = message.get_base_message().document_message.as_option().unwrap();
    assert_eq!(document.file_name.as_deref(), Some("report.pdf"));
    assert_eq!(document.caption.as_deref(), Some("look"));
}

#[tokio::test]
async fn a_client_s_file_is_shown_and_opened_on_the_recipient_s_and_the_own_phone() {
    let scene = scene().await;
    let image = scene.image(b"a picture".to_vec()).await;
    let shown = scene.shown(image).await;
    let media = shown.media.unwrap();
    assert_eq!(media.kind, MediaKind::Image);
    assert_eq!((media.mime_type.as_deref(), media.size), (Some("image/png"), Some(9)));
    assert_eq!((media.width, media.height, media.thumbnail), (Some(2), Some(1), true));
    assert_eq!(media.caption.as_deref(), Some("look"));
    assert_eq!(scene.bia.media(&shown.id).await.unwrap(), b"a picture");
    scene.ana.wait_for_message(|message| message.id == shown.id).await.unwrap();
    assert_eq!(scene.ana.media(&shown.id).await.unwrap(), b"a picture");
}

#[tokio::test]
async fn a_large_file_goes_both_ways() {
    let scene = scene().await;
    let sent = file(MediaKind::Document, &large());
    let id = scene.bia.send_media(&scene.ana.number(), sent).await.unwrap();
    assert!(scene.downloaded(&id).await == large());
    let shown = scene.shown(scene.image(large()).await).await;
    assert!(scene.bia.media(&shown.id).await.unwrap() == large());
}

#[tokio::test]
async fn a_file_that_is_not_as_its_message_says_is_named() {
    let scene = scene().await;
    let good = scene.image(b"a picture".to_vec()).await;
    let cases: [(Change, &str); 4] = [
        (|image| image.media_key = Some(vec![7; 32]), "mediaKey"),
        (|image| image.file_sha256 = Some(vec![7; 32]), "fileSha256"),
        (|image| image.file_length = Some(1), "fileLength"),
        (|image| image.file_enc_sha256 = Some(vec![7; 32]), "fileEncSha256"),
    ];
    for (change, named) in cases {
        let mut image = good.clone();
        change(&mut image);
        let shown = scene.shown(image).await;
        let error = scene.bia.media(&shown.id).await.unwrap_err();
        assert!(matches!(error, Error::Media(_)) && error.to_string().contains(named), "{error}");
    }
    let mut image = good;
    image.direct_path = Some("/v/nowhere".to_owned());
    let shown = scene.shown(image).await;
    let error = scene.bia.media(&shown.id).await.unwrap_err();
    assert!(matches!(error, Error::Media(MediaError::NotThere(_))), "{error}");
}

#[tokio::test]
async fn an_expired_file_is_not_found_until_the_fault_is_cleared() {
    let scene = scene().await;
    let shown = scene.shown(scene.image(b"a picture".to_vec()).await).await;
    let image = scene.image(b"a picture".to_vec()).await;
    fault(&scene.sim, json!({ "fault": "expire-media", "number": scene.ana.number() }));
    let error = scene.client.client.download(&image).await.unwrap_err();
    assert!(format!("{error:#}").contains("404"), "{error:#}");
    // What is new can be uploaded, and phones come through.
    scene.image(b"another".to_vec()).await;
    assert_eq!(scene.bia.media(&shown.id).await.unwrap(), b"a picture");
    scene.sim.clear_faults();
    assert_eq!(scene.client.client.download(&image).await.unwrap(), b"a picture");
}

#[tokio::test]
async fn a_media_host_that_is_down_answers_nobody_whom_it_concerns() {
    let scene = scene().await;
    let other = TestClient::linked(&scene.sim, &scene.bia).await;
    let image = scene.image(b"a picture".to_vec()).await;
    fault(&scene.sim, json!({ "fault": "media-down", "number": scene.ana.number() }));
    let options = UploadOptions::default();
    let upload = scene.client.client.upload(b"another".to_vec(), MediaType::Image, options);
    upload.await.unwrap_err();
    scene.client.client.download(&image).await.unwrap_err();
    assert_eq!(other.client.download(&image).await.unwrap(), b"a picture");
    fault(&scene.sim, json!({ "fault": "media-down", "all": true }));
    other.client.download(&image).await.unwrap_err();
    scene.sim.clear_faults();
    assert_eq!(scene.client.client.download(&image).await.unwrap(), b"a picture");
}
