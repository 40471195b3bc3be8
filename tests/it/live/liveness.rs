//! Pings, silence and the end.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_websockets::Message;

use super::client::{HANDSHAKE, PATIENCE, Socket, gateway, say};

const INTERVAL: Duration = Duration::from_secs(30);

#[tokio::test]
async fn pings_are_answered_and_what_clients_say_is_passed_over() {
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    socket.ping("are you there?").await;
    socket.send(Message::text("subscribe, please")).await;
    socket.send(Message::binary(vec![0; 60_000])).await;
    socket.ping("still?").await;
    say(&session, "yes").await;
    assert_eq!(socket.words().await, "yes");
}

#[tokio::test]
async fn whoever_answers_pings_stays() {
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    for _ in 0..10 {
        loop {
            // The server has heard of us at this moment of its clock.
            socket.ping("here").await;
            gateway.clock.advance(INTERVAL);
            // Where its interval began a moment late, its ping comes with the next one.
            let pinged = async { while !socket.frame().await.unwrap().is_ping() {} };
            if tokio::time::timeout(Duration::from_secs(1), pinged).await.is_ok() {
                break;
            }
        }
    }
    say(&session, "hello").await;
    assert_eq!(socket.words().await, "hello");
}

#[tokio::test]
async fn whoever_is_not_heard_of_for_a_minute_is_closed() {
    let (gateway, _) = gateway(&[]).await;
    let mut silent = TcpStream::connect(gateway.address()).await.unwrap();
    let handshake = HANDSHAKE.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let (address, token) = (gateway.address(), gateway.account_token());
    let request =
        format!("GET /ws/sales HTTP/1.1\r\nhost: {address}\r\ntoken: {token}\r\n{handshake}\r\n");
    silent.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut said));
    gateway.while_time_passes(Duration::from_secs(1), reading).await.unwrap().unwrap();
    let head = said.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(said.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&said));
    let frames = &said[head..];
    assert_eq!(frames[..2], [0x89, 0], "a ping");
    let end = frames.iter().position(|byte| *byte == 0x88).unwrap();
    assert!(end <= 4, "one or two pings: {frames:?}");
    assert_eq!(frames[end + 2..end + 4], 1008u16.to_be_bytes());
    assert_eq!(&frames[end + 4..], b"nothing was heard for a minute");
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let (gateway, _) = gateway(&[]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    socket.send(Message::binary(vec![0; 100_000])).await;
    assert_eq!(socket.end().await.0, 1009);
}

#[tokio::test]
async fn a_client_that_leaves_is_let_go() {
    let (gateway, _) = gateway(&[]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    socket.send(Message::close(None, "")).await;
    while socket.frame().await.is_some() {}
}

#[tokio::test]
async fn the_end_of_the_gateway_is_told_and_waits_for_nobody() {
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    say(&session, "last words").await;
    assert_eq!(socket.words().await, "last words");
    let ((), end) = tokio::join!(gateway.stop(), socket.end());
    assert_eq!(end.0, 1001);
}

#[tokio::test]
async fn the_removal_of_the_instance_ends_the_connection() {
    let (gateway, _) = gateway(&[]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    gateway.delete("/api/instance/delete/sales").await.expect(200);
    assert_eq!(socket.end().await.0, 1001);
}
