//! Media that is sent: the phone that gets it sees the very bytes.

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use image::GenericImageView as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{BIA, Options, World, files};

const MEDIA: &str = "/api/message/media/sales";
const STICKER: &str = "/api/message/sticker/sales";

/// Sends, and gives the answer's data and what the phone shows.
async fn sent(world: &World, path: &str, body: Value) -> (Value, Value) {
    let answer = world.gateway.post(path, body).await;
    let data = answer["data"].clone();
    let id = data["messageId"].clone();
    let shown =
        world.whatsapp.wait_for_message(BIA, "the media", |message| message["id"] == id).await;
    (data, shown)
}

async fn bytes_on_the_phone(world: &World, data: &Value) -> Vec<u8> {
    world.whatsapp.media(BIA, data["messageId"].as_str().unwrap()).await
}

async fn refused(world: &World, path: &str, body: Value) -> String {
    let (status, answer) = world.gateway.call(Method::POST, path, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    answer["error"]["message"].as_str().unwrap().to_owned()
}

/// A web server with a picture, a file that names itself, and a page.
async fn web() -> String {
    let png = || async { ([(CONTENT_TYPE, "image/png")], files::picture(120, 80)) };
    let pdf = || async {
        let name = ("content-disposition", "attachment; filename=\"offer.pdf\"");
        ([("content-type", "application/octet-stream"), name], files::document())
    };
    let app = Router::new().route("/a/picture.png", get(png)).route("/download", get(pdf));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_every_kind_is_seen_byte_for_byte_from_base64() {
    let world = World::paired().await;
    for (media_type, shown_as, mime, bytes) in [
        ("image", "image", "image/png", files::picture(120, 80)),
        ("video", "video", "video/mp4", files::video(300_000)),
        ("document", "document", "application/pdf", files::document()),
    ] {
        let body = json!({
            "number": BIA, "mediaType": media_type, "mediaBase64": files::base64(&bytes),
            "message": "see this", "fileName": "a name.bin", "source": "crm"
        });
        let (data, shown) = sent(&world, MEDIA, body).await;
        assert_eq!(data["messageType"], media_type, "{data}");
        assert_eq!(
            (&data["mediaMimeType"], &data["mediaSize"]),
            (&json!(mime), &json!(bytes.len()))
        );
        assert!(data["mediaUrl"].as_str().unwrap().starts_with("https://"), "{data}");
        assert_eq!(data["source"], "crm");
        let media = &shown["media"];
        assert_eq!((&media["kind"], &media["mimeType"]), (&json!(shown_as), &json!(mime)));
        assert_eq!(media["caption"], "see this");
        assert_eq!(bytes_on_the_phone(&world, &data).await, bytes, "{media_type}");
        let told = data["messageId"].clone();
        let event = world.receiver.wait_for("the event", |r| r.body["data"]["id"] == told).await;
        assert_eq!(event.body["data"]["direction"], "outgoing");
        assert_eq!(event.body["data"]["message"]["media"]["type"], shown_as);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_a_voice_note_unless_it_is_said_otherwise() {
    let world = World::paired().await;
    let bytes = files::sound();
    for (is_voice, shown_as) in
        [(Value::Null, "voice"), (json!(true), "voice"), (json!(false), "audio")]
    {
        let mut body = json!({
            "number": BIA, "mediaType": "audio", "mediaUrl": files::base64(&bytes)
        });
        if !is_voice.is_null() {
            body["isVoice"] = is_voice;
        }
        let (data, shown) = sent(&world, MEDIA, body).await;
        assert_eq!(data["messageType"], "audio", "{data}");
        assert_eq!(shown["media"]["kind"], shown_as, "{shown}");
        assert_eq!(bytes_on_the_phone(&world, &data).await, bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_and_data_urls_are_sources_too_and_the_content_decides_the_type() {
    let world = World::paired().await;
    let web = web().await;
    let picture = files::picture(120, 80);
    let lying = format!("data:text/plain;base64,{}", files::base64(&picture));
    for source in [format!("{web}/a/picture.png"), lying] {
        let body = json!({ "number": BIA, "mediaType": "image", "mediaUrl": source });
        let (data, shown) = sent(&world, MEDIA, body).await;
        assert_eq!(data["mediaMimeType"], "image/png", "{source}");
        let media = &shown["media"];
        assert_eq!((&media["width"], &media["height"]), (&json!(120), &json!(80)), "{media}");
        assert_eq!(media["thumbnail"], true);
        assert_eq!(bytes_on_the_phone(&world, &data).await, picture);
    }
    let source = format!("{web}/download");
    let body = json!({ "number": BIA, "mediaType": "document", "mediaUrl": source });
    let (data, shown) = sent(&world, MEDIA, body).await;
    assert_eq!(data["mediaMimeType"], "application/pdf");
    assert_eq!(shown["media"]["fileName"], "offer.pdf");
    assert_eq!(bytes_on_the_phone(&world, &data).await, files::document());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_becomes_a_sticker_of_the_right_size() {
    let world = World::paired().await;
    let data_url = format!("data:image/png;base64,{}", files::base64(&files::picture(300, 100)));
    for source in [data_url, format!("{}/a/picture.png", web().await)] {
        let body = json!({ "number": BIA, "imageUrl": source });
        let (data, shown) = sent(&world, STICKER, body).await;
        assert_eq!(data["messageType"], "sticker", "{data}");
        assert_eq!(data["mediaMimeType"], "image/webp");
        assert_eq!(shown["media"]["kind"], "sticker");
        let webp = bytes_on_the_phone(&world, &data).await;
        let sticker = image::load_from_memory_with_format(&webp, image::ImageFormat::WebP).unwrap();
        assert_eq!(sticker.dimensions(), (512, 512));
        // A wide picture leaves the top transparent.
        assert_eq!(sticker.get_pixel(256, 2).0[3], 0);
        assert_eq!(sticker.get_pixel(256, 256).0[3], 255);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_with_its_cause() {
    let world = World::paired_with(Options::default().set("WHARF_MEDIA_MAX", "100KiB")).await;
    let web = web().await;
    let large = files::base64(&files::video(200_000));
    for (body, cause) in [
        (json!({ "mediaType": "video", "mediaBase64": large }), "at most 102400 bytes"),
        (json!({ "mediaType": "image", "mediaUrl": format!("{web}/nowhere") }), "404"),
        (json!({ "mediaType": "image", "mediaUrl": "http://169.254.169.254/key" }), ""),
        (json!({ "mediaType": "image", "mediaUrl": "http://127.0.0.1:1/x" }), ""),
        (json!({ "mediaType": "image", "mediaUrl": "!" }), ""),
        (json!({ "mediaType": "image" }), ""),
        (json!({ "mediaType": "hologram", "mediaUrl": "aGVsbG8=" }), ""),
        (json!({ "mediaUrl": "aGVsbG8=" }), ""),
    ] {
        let mut body = body;
        body["number"] = BIA.into();
        let message = refused(&world, MEDIA, body.clone()).await;
        let type_of = &body["mediaType"];
        assert!(message.contains(cause), "{type_of}: {message}");
    }
    let words = files::base64(b"these are words");
    let body = json!({ "number": BIA, "imageUrl": format!("data:image/png;base64,{words}") });
    refused(&world, STICKER, body).await;
    assert!(world.whatsapp.messages(BIA).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn media_quotes_and_is_sent_once_per_key() {
    let world = World::paired().await;
    let asked = world.whatsapp.send(BIA, crate::ANA, "a picture?").await;
    world.receiver.wait_for_text("a picture?").await;
    let body = json!({
        "number": BIA, "mediaType": "image", "mediaBase64": files::base64(&files::picture(9, 9)),
        "replyTo": asked
    });
    let key = [("idempotency-key", "picture-1")];
    let token = crate::gateway::TOKEN;
    let call = || world.gateway.call_as(token, Method::POST, MEDIA, body.clone(), &key);
    let (status, first) = call().await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let (status, again) = call().await;
    assert_eq!(status, StatusCode::OK, "{again}");
    assert_eq!(first["data"]["messageId"], again["data"]["messageId"]);
    assert_eq!(first["data"]["replyTo"]["messageId"], asked);
    let id = first["data"]["messageId"].clone();
    let shown = world.whatsapp.wait_for_message(BIA, "it", |message| message["id"] == id).await;
    assert_eq!(shown["quotedId"], asked);
    let all = world.whatsapp.messages(BIA).await;
    assert_eq!(all.iter().filter(|message| message["media"].is_object()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_host_that_is_down_is_an_error_and_sends_nothing() {
    let world = World::paired().await;
    world.whatsapp.fault(json!({ "all": true, "fault": "media-down" })).await;
    let body = json!({
        "number": BIA, "mediaType": "image", "mediaBase64": files::base64(&files::picture(9, 9))
    });
    let (status, answer) = world.gateway.call(Method::POST, MEDIA, body.clone()).await;
    assert!(status.is_server_error(), "{status} {answer}");
    assert!(world.whatsapp.messages(BIA).await.is_empty());
    world.whatsapp.clear_faults().await;
    sent(&world, MEDIA, body).await;
}
