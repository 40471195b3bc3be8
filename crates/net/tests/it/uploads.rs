//! Bodies that are sent as they come.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::put;
use futures::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wharf_net::{Error, Method, Request, Timeouts};

use crate::clients::{PATIENT, net};
use crate::servers::{listener, serve};

const PIECE: usize = 100_000;

fn pieces(count: usize) -> impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter((0..count).map(|_| Ok(Bytes::from(vec![7; PIECE]))))
}

async fn storage() -> String {
    let app = Router::new().route(
        "/",
        put(async |headers: HeaderMap, body: Bytes| {
            let chunked = headers.contains_key("transfer-encoding");
            format!("{} {chunked} {}", headers["content-length"].to_str().unwrap(), body.len())
        }),
    );
    format!("http://127.0.0.1:{}/", serve(app.layer(DefaultBodyLimit::disable())).await)
}

fn put_to(url: &str) -> Request {
    Request::new(Method::PUT, url.parse().unwrap())
}

#[tokio::test]
async fn a_streamed_body_arrives_whole_and_with_its_length() {
    let url = storage().await;
    let client = net().guarded_client(PATIENT).unwrap();
    let size = 120 * PIECE;
    let answer = client.send(put_to(&url).stream(size as u64, pieces(120))).await.unwrap();
    assert_eq!(answer.bytes(100).await.unwrap(), format!("{size} false {size}"));

    let empty = put_to(&url).stream(0, stream::empty::<io::Result<Bytes>>());
    assert_eq!(client.send(empty).await.unwrap().bytes(100).await.unwrap(), "0 false 0");
}

#[tokio::test]
async fn a_body_that_fails_or_has_another_length_breaks_the_request_off() {
    let url = storage().await;
    let client = net().guarded_client(PATIENT).unwrap();
    let size = 2 * PIECE as u64;
    let failing = pieces(1).chain(stream::iter([Err(io::Error::other("gone"))]));
    for request in [
        put_to(&url).stream(size, failing),
        put_to(&url).stream(size, pieces(1)),
        put_to(&url).stream(size, pieces(3)),
    ] {
        assert_eq!(client.send(request).await.unwrap_err(), Error::Broken);
    }
}

#[tokio::test]
async fn an_upload_that_moves_outlasts_the_stall_and_one_that_does_not_is_given_up() {
    let timeouts = Timeouts { stall: Duration::from_millis(300), total: None, ..PATIENT };
    let client = net().guarded_client(timeouts).unwrap();

    // Ten pieces with a pause before each: longer than a stall in all.
    let url = storage().await;
    let slow = pieces(10).then(async |piece| {
        tokio::time::sleep(Duration::from_millis(60)).await;
        piece
    });
    let answer = client.send(put_to(&url).stream(10 * PIECE as u64, slow)).await.unwrap();
    assert_eq!(answer.status(), 200);

    // A server that reads a body in memory as slowly.
    let slow = listener().await;
    let url = format!("http://{}/", slow.local_addr().unwrap());
    let body = vec![7; 80 * PIECE];
    let reading = tokio::spawn(async move {
        let (mut connection, _) = slow.accept().await.unwrap();
        let (mut read, mut buffer) = (0, vec![0; 10 * PIECE]);
        while read < 80 * PIECE {
            tokio::time::sleep(Duration::from_millis(10)).await;
            read += connection.read(&mut buffer).await.unwrap();
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    });
    assert_eq!(client.send(put_to(&url).body(body)).await.unwrap().status(), 200);
    reading.await.unwrap();

    // A server that takes the connection and reads nothing but the first bytes.
    let deaf = listener().await;
    let url = format!("http://{}/", deaf.local_addr().unwrap());
    let (done, wait) = tokio::sync::oneshot::channel::<()>();
    let reading = tokio::spawn(async move {
        let (mut connection, _) = deaf.accept().await.unwrap();
        connection.read_u8().await.unwrap();
        wait.await.ok();
    });
    let failure = client.send(put_to(&url).stream(500 * PIECE as u64, pieces(500))).await;
    assert_eq!(failure.unwrap_err(), Error::Timeout);
    done.send(()).unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn a_request_may_have_a_time_of_its_own() {
    let silent = listener().await;
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let client = net().guarded_client(PATIENT).unwrap();
    let request = put_to(&url).within(Duration::from_millis(50));
    assert_eq!(client.send(request).await.unwrap_err(), Error::Timeout);
}
