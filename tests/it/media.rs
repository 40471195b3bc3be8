use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_application::{ApplicationConfig, media::MediaConfig};
use wharf_domain::{media::FetchedMedia, message::MediaKind};
use wharf_testkit::build;
use wharf_tests::{Answer, TestGateway};

const ANA: &str = "5511999990001";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a picture";

async fn send(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/message/media/sales", body).await
}

async fn stick(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/message/sticker/sales", body).await
}

async fn connected() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.connected("sales").await;
    gateway
}

fn picture() -> Value {
    json!({ "number": ANA, "mediaType": "image", "mediaBase64": BASE64_STANDARD.encode(PNG) })
}

#[tokio::test]
async fn a_picture_in_the_body_is_answered_once_whatsapp_has_it() {
    let gateway = connected().await;
    let mut body = picture();
    body["message"] = json!("my cat");
    body["source"] = json!("crm");
    let sent = send(&gateway, body).await.expect(200);
    assert_json_snapshot!(sent, { ".data.messageId" => "[id]", ".data.mediaUrl" => "[url]" });
    let uploaded = gateway.whatsapp.uploaded().remove(0);
    assert_eq!((uploaded.kind, &uploaded.bytes[..]), (MediaKind::Image, PNG));
    assert_eq!(uploaded.caption.as_deref(), Some("my cat"));
}

#[tokio::test]
async fn a_document_is_fetched_from_its_url() {
    let gateway = connected().await;
    let url = "https://example.com/files/terms.pdf";
    gateway.files.put(
        url,
        FetchedMedia {
            bytes: Bytes::from_static(b"%PDF-1.7 terms"),
            mime_type: Some("application/octet-stream".to_owned()),
            file_name: Some("terms.pdf".to_owned()),
        },
    );
    let body = json!({ "number": ANA, "mediaType": "document", "mediaUrl": url });
    let sent = send(&gateway, body).await.expect(200);
    assert_json_snapshot!(sent, { ".data.messageId" => "[id]", ".data.mediaUrl" => "[url]" });
    let uploaded = gateway.whatsapp.uploaded().remove(0);
    assert_eq!(uploaded.file_name.as_deref(), Some("terms.pdf"));
    assert_eq!(uploaded.mime_type, "application/pdf");
}

#[tokio::test]
async fn audio_is_a_voice_note_unless_its_caller_says_otherwise() {
    let gateway = connected().await;
    let mut body = json!({
        "number": ANA, "mediaType": "audio", "mediaUrl": BASE64_STANDARD.encode(b"OggS sound"),
    });
    let sent = send(&gateway, body.clone()).await.expect(200);
    assert_json_snapshot!(sent, { ".data.messageId" => "[id]", ".data.mediaUrl" => "[url]" });
    body["isVoice"] = json!(false);
    send(&gateway, body).await.expect(200);
    let kinds: Vec<_> = gateway.whatsapp.uploaded().iter().map(|media| media.kind).collect();
    assert_eq!(kinds, [MediaKind::VoiceNote, MediaKind::Audio]);
}

#[tokio::test]
async fn a_sticker_is_made_of_any_picture() {
    let gateway = connected().await;
    let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(PNG));
    let sent = gateway
        .owner()
        .post("/api/message/sticker/sales", json!({ "number": ANA, "imageUrl": url }))
        .await
        .expect(200);
    assert_json_snapshot!(sent, { ".data.messageId" => "[id]", ".data.mediaUrl" => "[url]" });
    assert_eq!(gateway.whatsapp.uploaded()[0].kind, MediaKind::Sticker);
}

#[tokio::test]
async fn media_answers_a_stored_message() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let question = build::incoming(&build::phone(ANA), "how does it look?");
    session.receive(question.clone()).await.unwrap();
    let mut body = picture();
    body["replyTo"] = json!(question.id.as_str());
    let sent = send(&gateway, body).await.expect(200);
    assert_eq!(sent["data"]["replyTo"], json!({ "messageId": question.id.as_str() }));
}

#[tokio::test]
async fn a_repeat_with_the_same_key_sends_nothing() {
    let gateway = connected().await;
    let owner = gateway.owner().with("idempotency-key", "once");
    let path = "/api/message/media/sales";
    let first = owner.post(path, picture()).await.expect(200);
    let again = owner.post(path, picture()).await.expect(200);
    assert_eq!(first["data"]["messageId"], again["data"]["messageId"]);
    assert_eq!(gateway.whatsapp.sent().len(), 1);
    let mut other = picture();
    other["mediaBase64"] = json!("b3RoZXI=");
    let refusal = owner.post(path, other).await.refusal();
    let expected = "Idempotency-Key was already used for a different request";
    assert_eq!(refusal, (409, expected.to_owned()));
}

#[tokio::test]
async fn what_is_missing_is_asked_for() {
    let gateway = connected().await;
    let without = |key: &str| {
        let mut body = picture();
        body.as_object_mut().unwrap().remove(key);
        body
    };
    for (body, message) in [
        (json!({}), "Number is required"),
        (without("number"), "Number is required"),
        (without("mediaType"), "mediaType is required"),
        (without("mediaBase64"), "mediaUrl or mediaBase64 is required"),
    ] {
        let refusal = send(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, message.to_owned()), "{body}");
    }
    for (body, message) in [
        (json!({}), "Number is required"),
        (json!({ "number": ANA }), "imageUrl is required"),
        (json!({ "number": ANA, "imageUrl": " " }), "imageUrl is required"),
    ] {
        let refusal = stick(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, message.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_right_is_named() {
    let gateway = connected().await;
    let with = |key: &str, value: Value| {
        let mut body = picture();
        body[key] = value;
        body
    };
    for (body, message) in [
        (
            with("number", json!("abc")),
            "Invalid number: must be 5 to 20 digits in international form",
        ),
        (
            with("mediaType", json!("gif")),
            "Invalid mediaType: must be `image`, `video`, `document` or `audio`",
        ),
        (
            with("mediaUrl", json!("https://example.com/a")),
            "Invalid mediaUrl: must not come together with mediaBase64",
        ),
        (
            with("mimeType", json!("picture")),
            "Invalid mimeType: must be a type such as `image/jpeg`",
        ),
        (with("duration", json!(-1)), "Invalid duration: must be 0 to 86400 seconds"),
        (
            with("waveform", json!([300])),
            "Invalid waveform: must be at most 1024 numbers from 0 to 255",
        ),
        (with("delay", json!(301)), "Invalid delay: must be 0 to 300 seconds"),
        (
            with("source", json!("x".repeat(101))),
            "Invalid source: must have at most 100 plain characters",
        ),
        (
            with("message", json!("x".repeat(65_537))),
            "Invalid message: must have at most 65536 characters",
        ),
    ] {
        let (status, said) = send(&gateway, body).await.refusal();
        assert_eq!((status, said.as_str()), (400, message));
    }
    for (key, value) in [
        ("mediaBase64", json!("not base64!")),
        ("fileName", json!("x".repeat(256))),
        ("replyTo", json!("two words")),
    ] {
        let (status, message) = send(&gateway, with(key, value)).await.refusal();
        assert_eq!(status, 400);
        assert!(message.starts_with(&format!("Invalid {key}: ")), "{message}");
    }
    let (_, message) = send(&gateway, with("duration", json!("long"))).await.refusal();
    assert!(message.contains("duration") && message.contains("expected a number"), "{message}");
    for body in [with("isVoice", json!("no")), with("waveform", json!("loud")), json!([])] {
        let (status, message) = send(&gateway, body).await.refusal();
        assert_eq!(status, 400);
        assert!(message.starts_with("Invalid request body: "), "{message}");
    }
    assert_eq!(gateway.whatsapp.uploaded().len(), 0);
}

#[tokio::test]
async fn a_url_that_gives_nothing_is_refused() {
    let gateway = connected().await;
    let body = json!({ "number": ANA, "mediaType": "image", "mediaUrl": "https://example.com/no" });
    let (status, message) = send(&gateway, body).await.refusal();
    assert_eq!(status, 400);
    assert!(message.starts_with("Invalid mediaUrl: ") && message.contains("404"), "{message}");
}

#[tokio::test]
async fn what_is_no_picture_makes_no_sticker() {
    let gateway = connected().await;
    let body = json!({ "number": ANA, "imageUrl": BASE64_STANDARD.encode(b"%PDF-1.7") });
    let (status, message) = stick(&gateway, body).await.refusal();
    assert_eq!((status, message.as_str()), (400, "Invalid imageUrl: is no picture by its content"));
}

#[tokio::test]
async fn nothing_is_sent_while_not_connected() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let expected = (400, "Instance is not connected to WhatsApp".to_owned());
    assert_eq!(send(&gateway, picture()).await.refusal(), expected);
}

#[tokio::test]
async fn a_media_host_that_is_down_is_not_the_callers_fault() {
    let gateway = connected().await;
    gateway.whatsapp.fail_media(Some("it is down"));
    let refusal = send(&gateway, picture()).await.refusal();
    assert_eq!(refusal, (500, "Failed to send message".to_owned()));
}

#[tokio::test]
async fn a_body_may_hold_the_largest_file_there_may_be_and_no_more() {
    let media = MediaConfig { send_max: 3 << 20, ..MediaConfig::default() };
    let config = wharf_http_ryze::Config {
        max_body: 1000,
        rate_limit: 0,
        ..wharf_http_ryze::Config::default()
    };
    let application = ApplicationConfig { media, ..ApplicationConfig::default() };
    let gateway = TestGateway::with_application(config, application).await;
    gateway.connected("sales").await;
    let body = |size: usize| {
        let mut file = PNG.to_vec();
        file.resize(size, 0);
        json!({ "number": ANA, "mediaType": "image", "mediaBase64": BASE64_STANDARD.encode(file) })
    };
    send(&gateway, body(3 << 20)).await.expect(200);
    let (status, message) = send(&gateway, body((3 << 20) + 1)).await.refusal();
    assert_eq!(status, 400);
    assert!(message.starts_with("Invalid mediaBase64: "), "{message}");
    let refusal = send(&gateway, body(5 << 20)).await.refusal();
    assert_eq!(refusal, (413, "Request body is too large".to_owned()));
    let text = json!({ "number": ANA, "message": "x".repeat(1000) });
    let refusal = gateway.post("/api/message/text/sales", text).await.refusal();
    assert_eq!(refusal, (413, "Request body is too large".to_owned()));
}
