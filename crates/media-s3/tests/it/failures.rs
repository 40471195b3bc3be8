use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wharf_domain::media::MediaBody;
use wharf_domain::ports::MediaStore;
use wharf_domain::secret::Secret;
use wharf_domain::{Error, Result};
use wharf_media_s3::{Config, Failure, S3MediaStore};
use wharf_net::{AddressKind, Egress, Net, Refused, Roots, Tls};

use crate::scene::{BRIEF, Wall, bucket, cause, net, put, store};
use crate::server::S3Server;

const LARGE: usize = 12_000_000;

async fn get(store: &dyn MediaStore, bucket: &wharf_domain::s3::S3Config) -> Result<()> {
    store.get(bucket, "a", 100).await.map(drop)
}

#[tokio::test]
async fn wrong_credentials_are_named() {
    let server = S3Server::start().await;
    let store = store(Config::default());
    let right = bucket(&server.endpoint());
    put(&store, &right, "a").await.unwrap();

    let mut wrong = right.clone();
    wrong.secret_key = Secret::new("another/secret");
    let mut unknown = right;
    unknown.access_key = "AKIANOBODY".to_owned();
    for bucket in [&wrong, &unknown] {
        for failure in [cause(put(&store, bucket, "a").await), cause(get(&store, bucket).await)] {
            assert!(matches!(failure, Failure::Credentials { status: 403, .. }), "{failure:?}");
        }
    }
    let failure = cause(put(&store, &wrong, "a").await).to_string();
    assert_eq!(failure, "the S3 server refused the credentials (403 SignatureDoesNotMatch)");
}

/// The server answers, and hangs up, long before it has read all of it.
#[tokio::test]
async fn a_refusal_is_heard_while_a_large_body_is_on_its_way() {
    let server = S3Server::start().await;
    let store = store(Config::default());
    let mut wrong = bucket(&server.endpoint());
    wrong.secret_key = Secret::new("another/secret");
    for _ in 0..10 {
        let body = MediaBody::of(vec![0; LARGE].into());
        let failure = cause(store.put(&wrong, "a", "video/mp4", body).await);
        assert!(matches!(failure, Failure::Credentials { status: 403, .. }), "{failure:?}");
    }
}

/// Some servers hang up in the middle of a body, and the network loses what they said before.
#[tokio::test]
async fn the_cause_is_asked_for_when_a_server_hangs_up_on_an_upload() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = bucket(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            if head.starts_with(b"GET") {
                let body = "<Error><Code>InvalidAccessKeyId</Code></Error>";
                let head = format!("HTTP/1.1 403 No\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
            }
        }
    });
    let body = MediaBody::of(vec![0; LARGE].into());
    let failure = cause(store(Config::default()).put(&bucket, "a", "video/mp4", body).await);
    let code = "InvalidAccessKeyId".to_owned();
    assert_eq!(failure, Failure::Credentials { status: 403, code });
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let server = S3Server::start().await;
    let store = store(Config::default());
    let mut missing = bucket(&server.endpoint());
    missing.bucket = "nowhere".to_owned();
    for failure in [cause(put(&store, &missing, "a").await), cause(get(&store, &missing).await)] {
        assert_eq!(failure, Failure::NoSuchBucket);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = bucket(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let store = store(Config::default());
    for failure in [cause(put(&store, &bucket, "a").await), cause(get(&store, &bucket).await)] {
        let told = failure.to_string();
        assert_eq!(told, "the S3 server did not answer: cannot connect: connection refused");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = bucket(&format!("http://{}", silent.local_addr().unwrap()));
    let clock = Arc::new(Wall::default());
    let store = S3MediaStore::with_timeouts(&net(), clock, Config::default(), BRIEF).unwrap();
    let late = Failure::NoAnswer(wharf_net::Error::Timeout);
    assert_eq!(cause(put(&store, &bucket, "a").await), late);
    assert_eq!(cause(get(&store, &bucket).await), late);
    let body = MediaBody::of(vec![0; LARGE].into());
    assert_eq!(cause(store.put(&bucket, "a", "video/mp4", body).await), late);
}

#[tokio::test]
async fn an_address_that_the_guard_refuses_is_named_and_never_called() {
    let server = S3Server::start().await;
    let strict = Net::new(Tls::new(Roots::web()), Egress::PublicOnly);
    let clock = Arc::new(Wall::default());
    let store = S3MediaStore::new(&strict, clock, Config::default()).unwrap();
    let refused = Refused::Address(AddressKind::Loopback);
    let failure = cause(put(&store, &bucket(&server.endpoint()), "a").await);
    assert_eq!(failure, Failure::NoAnswer(wharf_net::Error::Refused(refused)));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let server = S3Server::start().await;
    let clock = Arc::new(Wall { error: Duration::from_hours(2) });
    let store = S3MediaStore::new(&net(), clock, Config::default()).unwrap();
    let failure = cause(put(&store, &bucket(&server.endpoint()), "a").await);
    assert!(matches!(failure, Failure::Clock { .. }), "{failure:?}");
}

#[tokio::test]
async fn what_answers_like_no_s3_server_is_no_success() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = bucket(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 301 Moved\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
        }
    });
    let failure = cause(put(&store(Config::default()), &bucket, "a").await);
    assert!(matches!(failure, Failure::Elsewhere { status: 301, .. }), "{failure:?}");
}

#[tokio::test]
async fn a_bucket_that_cannot_be_addressed_is_refused() {
    let store = store(Config::default());
    let mut bucket = bucket("http://127.0.0.1:9");
    let refusal = put(&store, &bucket, "../other/a").await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { .. }), "{refusal:?}");
    bucket.access_key = "new\nline".to_owned();
    let refusal = put(&store, &bucket, "a").await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { .. }), "{refusal:?}");
}
