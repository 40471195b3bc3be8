//! Media that is received: to the bucket, to webhooks as base64, and to whoever asks for it later.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{ANA, BIA, Options, Receiver, World, bucket::Bucket, files, receiver::Received, until};

/// An instance with a bucket of its own, connected.
async fn with_bucket(bucket: &Bucket, options: Options) -> World {
    let world = World::paired_with(options).await;
    world.gateway.post("/api/instance/s3/sales", bucket.settings()).await;
    world
}

/// The media in the event of a message.
async fn told(receiver: &Receiver, id: &str) -> Value {
    let wanted = |r: &Received| r.answer == 200 && is_of(r, id);
    let event = receiver.wait_for(&format!("message {id}"), wanted).await;
    event.body["data"]["message"]["media"].clone()
}

fn is_of(received: &Received, id: &str) -> bool {
    received.body["event"] == "message.exchange" && received.body["data"]["id"] == id
}

async fn fetch(url: &str) -> (StatusCode, Vec<u8>, Option<String>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(url).send().await.unwrap();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    (answer.status(), answer.bytes().await.unwrap().to_vec(), kind)
}

fn photo() -> Value {
    json!({ "kind": "image", "base64": files::base64(&files::picture(120, 80)), "caption": "look" })
}

/// What `GET /api/chat/base64` answers.
async fn read(world: &World, id: &str) -> (StatusCode, Value) {
    world.gateway.get(&format!("/api/chat/base64/sales?messageId={id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_every_kind_is_in_the_bucket_when_the_event_tells_of_it() {
    let bucket = Bucket::start().await;
    let world = with_bucket(&bucket, Options::default()).await;
    for (kind, told_as, mime, extension, bytes) in [
        ("image", "image", "image/png", ".png", files::picture(120, 80)),
        ("video", "video", "video/mp4", ".mp4", files::video(300_000)),
        ("audio", "audio", "audio/mpeg", ".mp3", files::sound()),
        ("voice", "ptt", "audio/ogg; codecs=opus", ".ogg", files::sound()),
        ("document", "document", "application/pdf", ".pdf", files::document()),
        ("sticker", "sticker", "image/webp", ".webp", files::picture(64, 64)),
    ] {
        let media = json!({
            "kind": kind, "base64": files::base64(&bytes), "mimeType": mime, "fileName": "a file"
        });
        let id = world.whatsapp.send_media(BIA, ANA, &media).await;
        let media = told(&world.receiver, &id).await;
        assert_eq!(media["type"], told_as, "{media}");
        assert_eq!(media["s3Error"], Value::Null, "{media}");
        assert_eq!(media["base64"], Value::Null, "{kind}");
        let link = media["s3Url"].as_str().unwrap_or_else(|| panic!("{kind}: {media}"));
        assert!(link.contains("X-Amz-Expires=604800"), "{link}");
        let (status, kept, content_type) = fetch(link).await;
        assert_eq!((status, kept == bytes), (StatusCode::OK, true), "{kind}");
        assert_eq!(content_type.as_deref(), Some(mime));
        // Nobody gets it without the signature.
        let (status, _, _) = fetch(link.split_once('?').unwrap().0).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let key = bucket.keys().into_iter().find(|key| key.contains(&id)).unwrap();
        assert!(key.starts_with("kept/here/sales/20"), "{key}");
        assert!(key.ends_with(extension), "{key}");
    }
    assert_eq!(bucket.keys().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_plain_where_the_deployment_says_so() {
    let bucket = Bucket::start().await;
    let world = with_bucket(&bucket, Options::default().set("WHARF_S3_URLS", "plain")).await;
    let id = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    let media = told(&world.receiver, &id).await;
    let link = media["s3Url"].as_str().unwrap();
    let key = bucket.keys().pop().unwrap();
    assert!(link.ends_with(&format!("/media/{key}")), "{link}");
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_goes_to_the_webhook_that_asks_for_it_and_to_no_other() {
    let world = World::paired().await;
    let asking = Receiver::start().await;
    let webhook =
        json!({ "label": "asking", "enabled": true, "url": asking.url(), "mediaBase64": true });
    world.gateway.post("/api/events/webhook/sales", webhook).await;
    let bytes = files::picture(120, 80);
    let id = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    let media = told(&asking, &id).await;
    assert_eq!(files::from_base64(media["base64"].as_str().unwrap()), bytes);
    assert_eq!(media["caption"], "look");
    assert_eq!(told(&world.receiver, &id).await["base64"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_too_large_for_base64_is_told_without_it_and_refused_to_readers() {
    let options = Options::default().set("WHARF_MEDIA_BASE64_MAX", "1KiB");
    let world = World::paired_with(options).await;
    let asking = Receiver::start().await;
    let webhook =
        json!({ "label": "asking", "enabled": true, "url": asking.url(), "mediaBase64": true });
    world.gateway.post("/api/events/webhook/sales", webhook).await;
    let large = json!({ "kind": "video", "base64": files::base64(&files::video(5000)) });
    let id = world.whatsapp.send_media(BIA, ANA, &large).await;
    let media = told(&asking, &id).await;
    assert_eq!(media["base64"], Value::Null);
    assert!(media["base64Error"].is_string(), "{media}");
    let (status, answer) = read(&world, &id).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_read_for_as_long_as_the_bucket_or_whatsapp_has_it() {
    let bucket = Bucket::start().await;
    let world = with_bucket(&bucket, Options::default()).await;
    let kept = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    told(&world.receiver, &kept).await;
    world.gateway.post("/api/instance/s3/sales", json!({ "enabled": false })).await;
    let unkept = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    told(&world.receiver, &unkept).await;
    for id in [&kept, &unkept] {
        let (status, answer) = read(&world, id).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let bytes = files::from_base64(answer["base64"].as_str().unwrap());
        assert_eq!(bytes, files::picture(120, 80));
        assert_eq!((&answer["media_type"], &answer["message_id"]), (&json!("image"), &json!(id)));
    }
    world.gateway.post("/api/instance/s3/sales", bucket.settings()).await;
    world.whatsapp.fault(json!({ "all": true, "fault": "expire-media" })).await;
    let (status, answer) = read(&world, &kept).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = read(&world, &unkept).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    let expected = "Message not found or no media available";
    assert_eq!(answer["error"]["message"], expected);
}

/// A bucket that cannot take the media: the event says why, and the upload is made once it can.
async fn told_without_a_link(bucket: &Bucket, spoilt: Value, cause: &str) -> (World, String) {
    let world = World::paired_with(Options::default().hold_media("300ms")).await;
    world.gateway.post("/api/instance/s3/sales", spoilt).await;
    let id = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    let media = told(&world.receiver, &id).await;
    assert_eq!(media["s3Url"], Value::Null, "{media}");
    let reason = media["s3Error"].as_str().unwrap_or_else(|| panic!("{media}"));
    assert!(reason.contains(cause), "{reason}");
    assert!(!reason.contains(crate::bucket::SECRET_KEY), "{reason}");
    assert_eq!(bucket.keys(), [""; 0]);
    (world, id)
}

/// Waits until a reader gets a link, and follows it.
async fn uploaded_at_last(world: &World, id: &str) {
    let link = until("the upload", || async {
        let (status, answer) = read(world, id).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["s3Url"].as_str().map(str::to_owned)
    })
    .await;
    let (status, bytes, _) = fetch(&link).await;
    assert_eq!((status, bytes), (StatusCode::OK, files::picture(120, 80)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_named_and_the_upload_follows_once_it_is_right() {
    let bucket = Bucket::start().await;
    let mut spoilt = bucket.settings();
    spoilt["secretKey"] = "wrong".into();
    let (world, id) = told_without_a_link(&bucket, spoilt, "credentials").await;
    world.gateway.post("/api/instance/s3/sales", bucket.settings()).await;
    uploaded_at_last(&world, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_named_and_the_upload_follows_once_it_is_there() {
    let bucket = Bucket::start().await;
    let mut spoilt = bucket.settings();
    spoilt["bucket"] = "nowhere".into();
    let (world, id) = told_without_a_link(&bucket, spoilt, "bucket").await;
    world.gateway.post("/api/instance/s3/sales", bucket.settings()).await;
    uploaded_at_last(&world, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_named_and_gets_the_upload_once_it_is_up() {
    let bucket = Bucket::start().await;
    bucket.stop().await;
    let (world, id) = told_without_a_link(&bucket, bucket.settings(), "connection refused").await;
    bucket.restart().await;
    uploaded_at_last(&world, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_an_upload_costs_nothing() {
    crash_during_an_upload(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_crash_during_an_upload_costs_nothing_on_postgresql() {
    crash_during_an_upload(Options::postgres()).await;
}

async fn crash_during_an_upload(options: Options) {
    let bucket = Bucket::start().await;
    let mut world = with_bucket(&bucket, options).await;
    bucket.stop().await;
    let silent = bucket.listen_in_silence().await;
    let id = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    // The upload is under way, and the event waits for it.
    let upload = silent.accept().await.unwrap();
    world.gateway.kill();
    assert!(!world.receiver.received().iter().any(|r| is_of(r, &id)));
    drop((upload, silent));
    bucket.restart().await;
    world.gateway.restart();
    let media = told(&world.receiver, &id).await;
    let (status, bytes, _) = fetch(media["s3Url"].as_str().unwrap()).await;
    assert_eq!((status, bytes), (StatusCode::OK, files::picture(120, 80)));
    assert_eq!(world.receiver.received().iter().filter(|r| is_of(r, &id)).count(), 1);
    assert_eq!(bucket.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_whatsapp_has_lost_is_told_without_delay_and_without_a_link() {
    let bucket = Bucket::start().await;
    let world = with_bucket(&bucket, Options::default()).await;
    world.whatsapp.fault(json!({ "all": true, "fault": "expire-media" })).await;
    let id = world.whatsapp.send_media(BIA, ANA, &photo()).await;
    let media = told(&world.receiver, &id).await;
    assert_eq!(media["s3Url"], Value::Null);
    assert!(media["s3Error"].is_string(), "{media}");
}
