use std::time::Duration;

use wharf_domain::{Error, ports::MediaStore};
use wharf_media_s3::{Addressing, Config, Urls};

use crate::scene::{bucket, now, object, put, store, visit};
use crate::server::{DOMAIN, S3Server};

const KEY: &str = "wharf/Café 1/a+b.jpg";

#[tokio::test]
async fn whoever_has_a_presigned_url_can_read_the_object_and_its_type() {
    let server = S3Server::start().await;
    let in_host = format!("http://{DOMAIN}:{}", server.address.port());
    for (endpoint, addressing) in
        [(server.endpoint(), Addressing::Path), (in_host, Addressing::VirtualHost)]
    {
        let store = store(Config { addressing, ..Config::default() });
        let bucket = bucket(&endpoint);
        put(&store, &bucket, KEY).await.unwrap();

        let url = store.url(&bucket, &object(&bucket, KEY), now()).unwrap();
        let answer = visit(&url).await;
        assert_eq!(answer.status(), 200, "{url}");
        assert_eq!(answer.headers()["content-type"], "image/jpeg");
        assert_eq!(answer.bytes(100).await.unwrap(), "a picture");
    }
}

#[tokio::test]
async fn a_presigned_url_that_was_changed_or_is_too_old_opens_nothing() {
    let server = S3Server::start().await;
    let store = store(Config::default());
    let bucket = bucket(&server.endpoint());
    put(&store, &bucket, KEY).await.unwrap();
    put(&store, &bucket, "other").await.unwrap();

    let url = store.url(&bucket, &object(&bucket, "other"), now()).unwrap();
    assert_eq!(visit(&url).await.status(), 200);
    let eight_days = Duration::from_hours(8 * 24);
    let old = store.url(&bucket, &object(&bucket, "other"), now() - eight_days).unwrap();
    let (start, signature) = url.rsplit_once('=').unwrap();
    let tampered = format!("{start}={}", signature.chars().rev().collect::<String>());
    let key = url::Url::parse(&format!("http://x/{KEY}")).unwrap();
    let moved = url.replacen("/other", key.path(), 1);
    let longer = url.replace("604800", "604799");
    let unsigned = url.split_once('?').unwrap().0.to_owned();
    for url in [old, tampered, moved, longer, unsigned] {
        let status = visit(&url).await.status();
        assert!(status.is_client_error(), "{status}: {url}");
    }
}

#[tokio::test]
async fn a_plain_url_is_the_bare_address() {
    let store = store(Config { urls: Urls::Plain, ..Config::default() });
    let bucket = bucket("https://s3.example.com");
    let url = store.url(&bucket, &object(&bucket, KEY), now()).unwrap();
    assert_eq!(url, "https://s3.example.com/media/wharf/Caf%C3%A9%201/a%2Bb.jpg");
}

#[tokio::test]
async fn an_object_of_a_former_bucket_keeps_its_bare_address_and_gets_no_signature() {
    let before = bucket("https://s3.example.com");
    let kept = object(&before, KEY);
    let mut after = bucket("https://elsewhere.example.com");
    after.bucket = "another".to_owned();

    let refusal = store(Config::default()).url(&after, &kept, now()).unwrap_err();
    assert!(matches!(refusal, Error::Invalid { .. }), "{refusal:?}");
    let plain = store(Config { urls: Urls::Plain, ..Config::default() });
    let url = plain.url(&after, &kept, now()).unwrap();
    assert_eq!(url, plain.url(&before, &kept, now()).unwrap());
}
