use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use wharf_domain::delivery::{MediaCopy, Outcome};
use wharf_domain::event::EventBody;
use wharf_domain::message::{Content, Media, MediaKind, Message};
use wharf_net::Egress;
use wharf_testkit::build;

use crate::receiver::Receiver;
use crate::scene::{attempt_of, net, sink, target};

const S3_URL: &str = "https://media.s3.eu-west-1.amazonaws.com/a%20b.jpg?X-Amz-Signature=00ff&x=1";

fn picture() -> EventBody {
    let media = Media {
        kind: MediaKind::Image,
        url: Some("https://mmg.whatsapp.net/v/t62".to_owned()),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: None,
        caption: Some("look".to_owned()),
        size: Some(4),
        duration: None,
    };
    let message = build::incoming(&build::phone("5511999990001"), "");
    EventBody::Message(Box::new(Message { content: Content::Media(media), ..message }))
}

/// What the receiver was told of the media.
async fn told(media: Option<&MediaCopy>) -> Value {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let sink = sink(&net(Egress::Open));
    let attempt = attempt_of(&sink, &target(&receiver.origin), picture(), media).await;
    assert_eq!(attempt.outcome, Outcome::Delivered);
    let [posted] = &receiver.received()[..] else { panic!("not one request") };
    let mut body: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(body["event"], "message.exchange");
    body["data"]["message"]["media"].take()
}

#[tokio::test]
async fn the_url_and_the_media_itself_reach_the_receiver() {
    let bytes = vec![0xff, 0xd8, 0xff, 0x00];
    let copy = MediaCopy {
        s3_url: Some(S3_URL.to_owned()),
        bytes: Some(bytes.clone().into()),
        ..MediaCopy::default()
    };
    let media = told(Some(&copy)).await;
    assert_eq!(media["s3Url"], S3_URL);
    assert_eq!(BASE64_STANDARD.decode(media["base64"].as_str().unwrap()).unwrap(), bytes);
    assert!(media.get("s3Error").is_none() && media.get("base64Error").is_none(), "{media}");
}

#[tokio::test]
async fn why_they_are_missing_reaches_the_receiver() {
    let copy = MediaCopy {
        s3_error: Some("there is no bucket of that name (404 NoSuchBucket)".to_owned()),
        bytes_error: Some("it is larger than 16777216 bytes".to_owned()),
        ..MediaCopy::default()
    };
    let media = told(Some(&copy)).await;
    assert_eq!(media["s3Url"], Value::Null);
    assert_eq!(media["base64"], Value::Null);
    assert_eq!(media["s3Error"], "there is no bucket of that name (404 NoSuchBucket)");
    assert_eq!(media["base64Error"], "it is larger than 16777216 bytes");
}

#[tokio::test]
async fn without_a_copy_there_is_neither() {
    let media = told(None).await;
    assert_eq!((&media["s3Url"], &media["base64"]), (&Value::Null, &Value::Null));
    assert!(media.get("s3Error").is_none() && media.get("base64Error").is_none(), "{media}");
}
