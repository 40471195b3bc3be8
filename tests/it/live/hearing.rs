//! What readers hear.

use serde_json::json;
use tokio::net::TcpSocket;
use wharf_domain::{
    event::{Event, EventBody},
    ports::EventLog,
};
use wharf_testkit::build;
use wharf_tests::TestGateway;

use super::client::{Socket, bia, enable, gateway, say};

/// The event of the message of these words.
fn recorded(events: &[Event], words: &str) -> Event {
    let is_it = |event: &&Event| matches!(&event.body, EventBody::Message(message) if message.content.text() == words);
    events.iter().find(is_it).unwrap().clone()
}

#[tokio::test]
async fn an_event_is_one_text_frame_in_the_envelope_of_webhooks() {
    let (gateway, session) = gateway(&[]).await;
    let id = gateway.id("sales").await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    say(&session, "hello").await;
    let event = socket.event().await;
    let expected = recorded(&gateway.store.events(id), "hello");
    assert_eq!(event["event"], "message.exchange");
    assert_eq!(event["eventId"], expected.id.0.to_string());
    assert_eq!(event["data"]["message"]["content"], "hello");
    let listed = gateway.get("/api/instance/list").await.expect(200);
    let token = &listed["instances"][0]["token"];
    let own = json!({ "baseUrl": "http://localhost:8080", "instance": "sales", "token": token });
    assert_eq!(event["instanceData"], own);
    let keys: Vec<_> = event.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["data", "event", "eventId", "instanceData"]);
}

#[tokio::test]
async fn all_who_are_attached_hear_what_the_websocket_is_set_up_for() {
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(Socket::open_as_owner(&gateway, "/ws/sales").await);
    }
    session.emit(wharf_domain::ports::SessionEvent::KeepaliveTimeout);
    say(&session, "one").await;
    say(&session, "two").await;
    for socket in &mut sockets {
        assert_eq!(socket.words().await, "one");
        assert_eq!(socket.words().await, "two");
    }
    enable(&gateway, json!({ "enabled": true, "events": ["instance.state"] })).await;
    say(&session, "not heard").await;
    session.emit(wharf_domain::ports::SessionEvent::KeepaliveRestored);
    for socket in &mut sockets {
        assert_eq!(socket.event().await["event"], "instance.state");
    }
}

#[tokio::test]
async fn switching_it_off_refuses_newcomers_and_leaves_who_is_there() {
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    enable(&gateway, json!({ "enabled": false })).await;
    say(&session, "still there").await;
    assert_eq!(socket.words().await, "still there");
    let refused = super::refusal(gateway.owner(), "/ws/sales").await;
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn files_come_along_where_the_websocket_says_so() {
    let (gateway, session) = gateway(&[]).await;
    enable(&gateway, json!({ "enabled": true, "mediaBase64": true })).await;
    let mut socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    // Larger than what is handed to the connection at once.
    let bytes = vec![b'x'; 300_000];
    let media = wharf_domain::message::Media {
        kind: wharf_domain::message::MediaKind::Document,
        url: None,
        mime_type: Some("text/plain".to_owned()),
        file_name: None,
        caption: None,
        size: Some(bytes.len() as u64),
        duration: None,
    };
    let message = wharf_domain::message::Message {
        content: wharf_domain::message::Content::Media(media),
        ..build::incoming(&bia(), "")
    };
    gateway.whatsapp.keep_media(&message.id, bytes);
    session.receive(message).await.unwrap();
    say(&session, "afterwards").await;
    let event = socket.event().await;
    let base64 = event["data"]["message"]["media"]["base64"].as_str().unwrap();
    assert_eq!(base64.len(), 400_000);
    assert_eq!(socket.words().await, "afterwards");
}

/// A reader who takes nothing, with little room on the way to it.
async fn sleeper(gateway: &TestGateway) -> Socket {
    let stream = TcpSocket::new_v4().unwrap();
    stream.set_recv_buffer_size(4096).unwrap();
    let stream = stream.connect(gateway.address().parse().unwrap()).await.unwrap();
    let token = [("token", gateway.account_token())];
    Socket::open_on(stream, gateway, "/ws/sales", &token).await
}

#[tokio::test]
async fn a_reader_who_is_too_slow_is_closed_and_can_come_back_for_the_rest() {
    const ALL: usize = 1000;
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let mut slow = sleeper(&gateway).await;
    let mut quick = Socket::open_as_owner(&gateway, "/ws/sales").await;
    // Far more than fits into the buffers of the way to it and into its line.
    let filling = "x".repeat(60_000);
    for n in 0..ALL {
        say(&session, &format!("{n} {filling}")).await;
        assert_eq!(number(&quick.words().await), n, "nobody waits for the slow one");
    }
    let mut heard = Vec::new();
    let mut last = String::new();
    let end = loop {
        let frame = slow.frame().await.unwrap();
        if let Some((code, reason)) = frame.as_close() {
            break (u16::from(code), reason.to_owned());
        }
        let Some(text) = frame.as_text() else { continue };
        let event: serde_json::Value = serde_json::from_str(text).unwrap();
        heard.push(number(event["data"]["message"]["content"].as_str().unwrap()));
        last = event["eventId"].as_str().unwrap().to_owned();
    };
    assert_eq!(end.0, 1013);
    assert!(end.1.starts_with("too slow"), "{}", end.1);
    assert!(heard.len() < ALL);
    assert_eq!(heard, (0..heard.len()).collect::<Vec<_>>(), "in order up to there");
    let mut back = Socket::open_as_owner(&gateway, &format!("/ws/sales?since={last}")).await;
    for n in heard.len()..ALL {
        assert_eq!(number(&back.words().await), n);
    }
}

fn number(words: &str) -> usize {
    words.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_who_comes_back_hears_what_it_missed_and_goes_on_without_a_gap() {
    const PAST: usize = 2000;
    const ALL: usize = 5000;
    let (gateway, session) = gateway(&["message.exchange"]).await;
    let id = gateway.id("sales").await;
    let past: Vec<_> =
        (0..PAST).map(|n| build::message_event(build::incoming(&bia(), &n.to_string()))).collect();
    gateway.store.append(id, &past).await.unwrap();
    let since = recorded(&gateway.store.events(id), "0").id.0;
    let writing = tokio::spawn(async move {
        for n in PAST..ALL {
            say(&session, &n.to_string()).await;
        }
    });
    let path = format!("/ws/sales?since={since}");
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(Socket::open_as_owner(&gateway, &path).await);
    }
    let reading = sockets.into_iter().map(|mut socket| async move {
        for n in 1..ALL {
            assert_eq!(socket.words().await, n.to_string());
        }
        socket
    });
    let sockets = futures::future::join_all(reading).await;
    writing.await.unwrap();
    for mut socket in sockets {
        // Nothing more came.
        socket.ping("over?").await;
    }
}
